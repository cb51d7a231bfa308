"""Plain words to a plan: what a sentence asks for, as steps, a command, or the reason why neither.

The parser is made of rules: the same words always give the same answer, and every part of an answer
names the words that it came from. What is said of a skill, its actions and its settings is read
from the skill's own folder, so that a skill that is added is understood without a change here.

In order:

1. `tokens` cuts the text; `stemming`, `numerals` and `spelling` say what words are compared by.
2. `reading` collects what stands for itself: assignments, the policy of the search (`policies`) and
   its settings (`searches`), jobs and checkpoints (`jobs`), paths (`places`). Each reader takes the
   words that it understood, so that none is understood twice.
3. `questions` answers what is one command, or asks for knowledge (`controls`).
4. `wishes` finds the actions that are wanted: the ones named (`actions`) or implied (`implied`),
   less what is negated or taken back (`retractions`).
5. `refusals` refuses what is not here (`foreign`), and says what is not understood (`unknown`).
6. `skill_choice` finds the skill of each group of actions by what points to one (`pointings`).
7. `assembly` lays what was found into the steps of a `draft`: `lay_assignments`, `lay_paths`,
   `lay_settings`, `lay_parents`, `lay_search`; `link_steps` adds what was left to be understood,
   `needs` says what is missing.

`bank_words` holds the words of a bank's skills, `phrases/` (by `phrasebook`) those of everybody.
`reader` is the front door, `answer` what comes out of it.
"""
