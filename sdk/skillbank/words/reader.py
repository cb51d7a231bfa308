"""Read a sentence: find everything it says, and put it together into an answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from skillbank.bank import SkillBank
from skillbank.errors import did_you_mean
from skillbank.request import LOCAL, AutomlPolicy
from skillbank.route import SEARCHED_ACTION
from skillbank.words.actions import ActionReader, Group, Mention
from skillbank.words.answer import Answer, AskedStep, Command, Missing, Origin, Outcome, ParentRef
from skillbank.words.bank_words import NAME, BankWords, Evidence
from skillbank.words.controls import ControlWords
from skillbank.words.families import Choice, Pointing, choose, point
from skillbank.words.foreign import FOREIGN, Foreign, find_foreign
from skillbank.words.jobs import JobWords, Pointer
from skillbank.words.laying import lay, takes_checkpoint, takes_data
from skillbank.words.lexicon import COMMON, FIELD_NAMES
from skillbank.words.matcher import Match, Phrases, Said, Sentence
from skillbank.words.needs import missing_inputs
from skillbank.words.phrasebook import phrases, words
from skillbank.words.places import Place, PlaceWords, Use
from skillbank.words.policies import PolicyWords
from skillbank.words.searches import SearchWords
from skillbank.words.spelling import Spelling
from skillbank.words.tokens import Kind, stem_of
from skillbank.words.values import ValueReader

_HERE = phrases("wishes", "here")

_ROLE_KEYS = {
    "train": Use.TRAIN, "train_data": Use.TRAIN, "val": Use.VAL, "validation": Use.VAL, "val_data": Use.VAL,
    "test": Use.TEST, "test_data": Use.TEST, "all": Use.PLAIN,
}  # fmt: skip
_NOT = words("wishes", "not")
_JOINS = words("wishes", "joins")
_REQUEST = words("wishes", "request")


@dataclass
class Reading:
    """What was found in one sentence so far."""

    sentence: Sentence
    policies: list[Said] = field(default_factory=list)
    explicit: list[Said] = field(default_factory=list)
    search: list[Said] = field(default_factory=list)
    checkpoints: list[Said] = field(default_factory=list)
    jobs: list[Pointer] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    platforms: list[Said] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    pointings: list[Pointing] = field(default_factory=list)
    foreign: list[Match[tuple[Foreign, str]]] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class SentenceReader:
    """Reads sentences over one bank.

    Args:
        bank: Skills that can be asked for.
        platforms: Names of the platforms that jobs can run on.
    """

    def __init__(self, bank: SkillBank, platforms: Collection[str] = (LOCAL,)) -> None:
        self._words = BankWords(bank)
        self._platforms = tuple(platforms)
        self._policies = PolicyWords()
        self._search = SearchWords()
        self._jobs = JobWords()
        self._places = PlaceWords()
        self._controls = ControlWords()
        self._actions = ActionReader(self._words)
        self._here = Phrases((p, LOCAL) for p in _HERE)
        self._names = Phrases((name, name) for name in self._words.skills)
        self._spelling = self._make_spelling()

    def _make_spelling(self) -> Spelling:
        common = {stem_of(word) for word in COMMON}
        known = self._words.evidence.words | self._words.action_phrases.words | self._policies.words
        known |= self._search.words
        for table in FIELD_NAMES.values():
            known |= Phrases.plain(table).words
        good = common | self._controls.words | self._jobs.words | self._places.words | self._actions.words
        return Spelling(known, good | FOREIGN.words | self._words.key_words)

    def read(
        self, text: str, skill_of: Callable[[ParentRef], str | None] | None = None
    ) -> Answer:
        """What a sentence asks for; the same sentence always gives the same answer.

        Args:
            text: The sentence, or several.
            skill_of: Tells the skill of a job that the sentence points to, None when it does not
                know; used where the words name no skill.
        """
        self._skill_of = skill_of or (lambda _: None)
        sentence = Sentence.of(text)
        self._spelling.correct(sentence)
        reading = self._collect(sentence)
        early = self._control(reading)
        return early or self._plan(reading)

    def _collect(self, sentence: Sentence) -> Reading:
        """Everything that is said, each part by its own reader; each takes its words."""
        reading = Reading(sentence)
        for index, token in enumerate(sentence.tokens):
            if token.kind is Kind.ASSIGNMENT:
                reading.explicit.append(Said(token.key, token.value, index, index + 1))
                sentence.take(index, index + 1, "explicit")
        self._take_list_marks(sentence)
        self._take_skill_names(sentence, reading)
        reading.policies = self._policies.read(sentence) + self._elliptic(sentence)
        reading.jobs = self._jobs.read(sentence)
        reading.places = [p for p in self._places.read(sentence) if p.path not in self._words.file_names]
        reading.checkpoints = self._jobs.read_checkpoints(sentence)
        reading.search = self._search.read(sentence)
        for match in self._here.find(sentence):
            reading.platforms.append(Said("platform", match.meaning, match.first, match.end))
            sentence.take(match.first, match.end, "platform")
        return reading

    def _take_list_marks(self, sentence: Sentence) -> None:
        """Numbers that only count the parts of a list: `step 1:`, `2)`."""
        for index in range(len(sentence.tokens) - 1):
            first = index - 1 if sentence.word(index - 1) in {"step", "schritt", "part"} else index
            begins = first == 0 or sentence.tokens[first - 1].is_boundary or sentence.word(first - 1) in {"-", "("}
            closes = sentence.word(index + 1) in {":", ")"} or (sentence.word(index + 1) == "." and begins)
            if sentence.kind(index) is Kind.NUMBER and begins and closes and sentence.tokens[index].text.isdigit():
                sentence.take(first, index + 2, "list")

    def _take_skill_names(self, sentence: Sentence, reading: Reading) -> None:
        """Whole names of skills, before the words in them are taken for something else."""
        for match in self._names.find(sentence):
            reading.pointings.append(Pointing(Match(match.first, match.end, Evidence({match.meaning: 2 * NAME}))))
            sentence.take(match.first, match.end, "skill")

    def _elliptic(self, sentence: Sentence) -> list[Said]:
        """`AutoML off - wait, on`: a policy taken back without its name."""
        found = []
        for match in self._actions.corrections(sentence):
            for index in range(match.end, match.end + 4):
                after = sentence.kind(index + 1)
                ends = after in {None, Kind.COMMA, Kind.STOP} or sentence.word(index + 1) in {"but", "again", "after", "-", "–"}
                if sentence.word(index) in {"on", "off"} and ends and not sentence.is_taken(index):
                    found.append(Said("policy", AutomlPolicy(sentence.word(index)), index, index + 1))
                    sentence.take(index, index + 1, "policy")
        return found

    # --- commands and questions

    def _control(self, reading: Reading) -> Answer | None:
        """Requests that are one command, or ask for knowledge."""
        sentence = reading.sentence
        is_bare = not reading.places and not reading.jobs
        deeds = [m for m in find_foreign(sentence) if m.meaning[0] in {Foreign.DEED, Foreign.FORMAT}]
        if deeds and not {sentence.word(deeds[0].first - 1), sentence.word(deeds[0].first - 2)} & _NOT:
            return self._foreign_answer(reading, deeds[0])
        found = self._controls.about_everything(sentence)
        if found and is_bare:
            return self._about_everything(reading, *found)
        how_to = self._controls.how_to(sentence)
        if how_to and not reading.jobs and not self._asks_for_action(sentence, how_to):
            return self._how_to(reading, how_to)
        return self._about_job(reading) if not how_to else None

    def _asks_for_action(self, sentence: Sentence, match: Match[bool]) -> bool:
        """Whether a question asks for something to be done: `what does each person do?`."""
        longer = self._words.action_phrases.at(sentence, match.first)
        return longer is not None and longer.end > match.end

    def _about_everything(self, reading: Reading, command: Command, match: Match[str]) -> Answer:
        sentence = reading.sentence
        foreign = [m for m in find_foreign(sentence) if m.meaning[0] is not Foreign.DEED]
        if foreign and not point(sentence, self._words):
            return self._foreign_answer(reading, foreign[0])
        return self._commanded(reading, command, match.first, match.end)

    def _how_to(self, reading: Reading, match: Match[bool]) -> Answer:
        sentence = reading.sentence
        pointings = [*reading.pointings, *point(sentence, self._words)]
        choice = choose(pointings, list(self._words.skills), (0, len(sentence.tokens)))
        foreign = [m for m in find_foreign(sentence) if m.meaning[0] is not Foreign.PLATFORM]
        if foreign and not choice.is_named:
            return self._foreign_answer(reading, foreign[0])
        if len(choice.skills) == 1:
            return self._commanded(reading, Command("show", choice.skills), match.first, match.end)
        if not choice.skills and not any(True for _ in self._words.action_phrases.find(sentence)):
            return self._refused(reading, Outcome.NOTHING, "This is a question that no command answers; see 'skillbank capabilities'.")
        return self._commanded(reading, Command("capabilities"), match.first, match.end)

    def _about_job(self, reading: Reading) -> Answer | None:
        sentence = reading.sentence
        checkpoint = reading.checkpoints[-1].value if reading.checkpoints else None
        for said in reading.explicit:
            if said.slot in {"job", "job_id", "id"}:
                reading.jobs.append(Pointer(ParentRef(job=str(said.value)), said.first, said.end))
        found = self._controls.about_job(sentence, reading.jobs, checkpoint)
        if found is None or any(not place.is_weights for place in reading.places):
            return None
        command, match = found
        if command.arguments == ("",):
            what = f"Which job? Say '{command.name} JOB', or '{command.name} the last training'; 'skillbank jobs' lists them."
            return Answer(sentence.text, Outcome.INCOMPLETE, message=what, missing=(Missing(0, "job", what),))
        if command.name != "resolve" and reading.places:
            return None
        words = {sentence.word(i) for m in self._words.action_phrases.find(sentence) for i in range(m.first, m.end) if m.first != match.first}
        if words - {"training", "run", "evaluation", "inference", "search", "the", "job", "训", "练", "trained", "finished", "conversion"}:
            return None
        if any(s.slot.startswith("automl") for s in reading.search):
            return None
        if any(s.slot not in {"job", "job_id", "id"} for s in reading.explicit):
            return None
        if not reading.jobs and self._actions.forbids(sentence):
            return self._refused(reading, Outcome.NOTHING, "This asks for nothing to be done.")
        negated = {sentence.word(match.first - 1), sentence.word(match.first - 2)} & {"don't", "not", "never", "nicht", "不要", "别"}
        if negated and command.name in {"resume", "cancel"}:
            return self._refused(reading, Outcome.NOTHING, f"This asks not to {command.name}; nothing is done.")
        return self._commanded(reading, command, match.first, match.end)

    def _commanded(self, reading: Reading, command: Command, first: int, end: int) -> Answer:
        origin = self._origin(reading, "command", first, end)
        words = " ".join(("skillbank", command.name, *command.arguments))
        return Answer(reading.sentence.text, Outcome.COMMAND, command=command, message=f"This is '{words}'.", origins=(origin,))

    # --- plans

    def _plan(self, reading: Reading) -> Answer:
        sentence = reading.sentence
        reading.pointings += point(sentence, self._words)
        reading.mentions = self._actions.mentions(sentence)
        reading.foreign = list(find_foreign(sentence))
        wanted = self._wanted(reading)
        if refusal := self._refuse_foreign(reading, bool(wanted)):
            return refusal
        if not wanted:
            return self._without_action(reading)
        if alternatives := self._alternatives(reading, wanted):
            return self._refused(reading, Outcome.AMBIGUOUS, f"One of: {', '.join(alternatives)}; say which.", alternatives)
        wanted = self._within_named(reading, wanted)
        groups = self._actions.groups(sentence, wanted)
        unknown = [m.action for g in groups for m in g.actions if not self._words.skills_with(m.action)]
        if unknown:
            actions = ", ".join(sorted(self._words.all_actions))
            return self._refused(
                reading, Outcome.UNSUPPORTED, f"No skill can {unknown[0]}; the actions are: {actions}.",
                tuple(sorted(self._words.all_actions)),
            )
        skills = self._skills(reading, groups)
        if isinstance(skills, Answer):
            return skills
        return _Assembly(self._words, reading, groups, skills, self._actions, self._spelling).answer()

    def _alternatives(self, reading: Reading, wanted: list[Mention]) -> tuple[str, ...]:
        """Actions between which the sentence does not choose: `evaluate or export`."""
        sentence = reading.sentence
        for before, after in zip(wanted, wanted[1:], strict=False):
            between = {sentence.word(i) for i in range(before.end, after.first)}
            if between & {"or", "oder", "或"} and after.first - before.end <= 3 and before.action != after.action:
                return (before.action, after.action)
        return ()

    def _within_named(self, reading: Reading, wanted: list[Mention]) -> list[Mention]:
        """Leave out what the one named skill cannot do, where it can do the rest.

        `Train 6-DoF pose estimation` names no action of another skill.
        """
        named = choose(self._corrected_pointings(reading), list(self._words.skills), (0, len(reading.sentence.tokens)))
        if not named.is_named:
            return wanted
        own = self._words.skills[named.skills[0]].info.actions
        kept = [m for m in wanted if m.action in own or m.action not in self._words.all_actions]
        spoken = {m.action for m in wanted} - own.keys()
        return kept if kept and spoken <= self._words.nouns else wanted

    def _wanted(self, reading: Reading) -> list[Mention]:
        """The actions that remain after negations and corrections."""
        sentence = reading.sentence
        reading.mentions = self._with_plain_training(reading)
        reading.mentions = [replace(m, is_negated=m.is_negated or self._actions.voids(sentence, m)) for m in reading.mentions]
        negated = {one.action: one.first for one in reading.mentions if one.is_negated}
        positive = [m for m in reading.mentions if not m.is_negated and negated.get(m.action, -1) < m.first]
        void = self._actions.takes_back(sentence)
        if void and reading.mentions and all(m.first < void.first for m in positive):
            reading.mentions = [replace(m, is_negated=True) for m in reading.mentions]
            return []
        positive = self._after_corrections(reading, positive)
        explicit = next((s for s in reading.explicit if s.slot == "action"), None)
        if explicit is not None and not positive:
            return [Mention(str(explicit.value), explicit.first, explicit.end)]
        if positive:
            return self._without_description(reading, positive)
        if negated:
            return []
        return self._implied(reading)

    def _with_plain_training(self, reading: Reading) -> list[Mention]:
        """`A plain training on X` says the policy and asks for the training."""
        sentence = reading.sentence
        if any(m.action == SEARCHED_ACTION for m in reading.mentions):
            return reading.mentions
        for said in reading.policies:
            for index in range(said.first, said.end):
                if sentence.word(index) in {"train", "training", "trainiere", "trainieren", "训", "trained"}:
                    mention = Mention(SEARCHED_ACTION, index, index + 1, self._actions._is_negated(sentence, said.first))  # noqa: SLF001
                    return sorted([*reading.mentions, mention], key=lambda one: one.first)
        return reading.mentions

    def _after_corrections(self, reading: Reading, mentions: list[Mention]) -> list[Mention]:
        sentence = reading.sentence
        for match in reversed(self._actions.corrections(sentence)):
            after = [m for m in mentions if m.first >= match.end]
            before = [m for m in mentions if m.first < match.first]
            if not before or not after:
                continue
            near = {sentence.word(i) for i in range(match.end, min(after[0].first + 3, len(sentence.tokens)))}
            between = any(sentence.kind(i) is Kind.STOP for i in range(match.end, after[0].first))
            if near & {"also", "too", "then", "additionally", "auch", "dann"} or sentence.word(match.first) in {"make", "better"} or between:
                continue
            return after
        return mentions

    def _without_description(self, reading: Reading, mentions: list[Mention]) -> list[Mention]:
        """In `train a model to predict falls`, `predict` says what the model is for."""
        sentence = reading.sentence
        kept: list[Mention] = []
        for one in mentions:
            before = [m for m in kept if m.action == SEARCHED_ACTION]
            words = {sentence.word(one.first - 1), sentence.word(one.first - 2)}
            if one.action == "inference" and before and words & {"to", "that", "can", "which", "for"}:
                continue
            if before and one.first - before[-1].end <= 4 and self._is_object(sentence, before[-1], one):
                continue
            if kept and one.action == kept[-1].action and not self._is_another(reading, kept[-1], one):
                continue
            kept.append(one)
        return self._in_order(reading, self._doubled(reading, kept))

    def _is_object(self, sentence: Sentence, train: Mention, after: Mention) -> bool:
        """Whether what follows is what is trained: `train pose estimation`."""
        between = range(train.end, after.first)
        plain = all(sentence.kind(i) in {Kind.WORD, Kind.MARK, Kind.NUMBER} and sentence.word(i) not in _JOINS for i in between)
        return plain and after.action in self._words.nouns

    def _in_order(self, reading: Reading, mentions: list[Mention]) -> list[Mention]:
        """`Export after training` and `before exporting, train` name the later step first."""
        sentence = reading.sentence
        for index, one in enumerate(mentions):
            before = {sentence.word(one.first - 1), sentence.word(one.first - 2)}
            if index and before & {"after", "nachdem"} and not any(sentence.word(one.first - k) in {"and", "then"} for k in (1, 2, 3)):
                return [one, *mentions[:index], *mentions[index + 1 :]]
            if before & {"before", "bevor"} and index + 1 < len(mentions):
                after = mentions[index + 1]
                return [*mentions[:index], after, one, *mentions[index + 2 :]]
        return mentions

    def _doubled(self, reading: Reading, mentions: list[Mention]) -> list[Mention]:
        """`Train a pose classifier on A and CenterPose on B`: one verb, two skills."""
        if len(mentions) != 1 or len(reading.places) < 2:
            return mentions
        named = [p for p in reading.pointings if max(p.match.meaning.weights.values()) >= NAME and p.first > mentions[0].first]
        for before, after in zip(named, named[1:], strict=False):
            if before.match.meaning.weights.keys() == after.match.meaning.weights.keys():
                continue
            between = any(before.first < p.end - 1 < after.first for p in reading.places)
            if between and any(p.end - 1 > after.first for p in reading.places):
                return [mentions[0], Mention(mentions[0].action, after.first, after.first)]
        return mentions

    def _is_another(self, reading: Reading, before: Mention, after: Mention) -> bool:
        """Whether the same action is wanted a second time, on something else."""
        between = [p for p in reading.places if before.end <= p.first < after.first]
        later = [p for p in reading.places if p.first >= after.end]
        words = {reading.sentence.word(i) for i in range(max(before.end, after.first - 4), after.first)}
        if not words & {"and", "then", "also", ",", ".", ";", "und", "dann", "然", "再", "second", "finally", "另"}:
            return False
        return bool(between and later) or (bool(between) and bool(reading.jobs))

    def _implied(self, reading: Reading) -> list[Mention]:
        """The action of a sentence that names none: `I need a gesture classifier`."""
        sentence = reading.sentence
        if self._is_knowledge_question(reading):
            return []
        if self._actions.tells(sentence):
            return []
        build = self._actions.builds(sentence)
        classify = self._actions.classify(sentence)
        wants_model = bool(reading.jobs or reading.checkpoints or any(p.is_weights for p in reading.places))
        if classify and (wants_model or any(p.is_video or p.ending == "json" for p in reading.places)):
            return [Mention("inference", classify.first, classify.end)]
        runs = [i for i in sentence.free() if sentence.word(i) in {"run", "apply"}]
        if wants_model or (runs and reading.pointings and any(p.is_video or p.ending == "json" for p in reading.places)):
            return self._use_of_model(reading)
        found = build or classify
        if found:
            return [Mention(SEARCHED_ACTION, found.first, found.end)]
        wishes = [s for s in reading.policies if s.value is AutomlPolicy.ON or reading.pointings] or reading.search
        if wishes and (reading.pointings or reading.places):
            return [Mention(SEARCHED_ACTION, wishes[0].first, wishes[0].end)]
        epochs = [i for i in sentence.free() if sentence.stem(i) in {"epoch", "epochen", "轮"}]
        trains = [p for p in reading.places if p.use is Use.TRAIN]
        if (epochs or trains) and reading.pointings and reading.places:
            first = epochs[0] if epochs else trains[0].first
            return [Mention(SEARCHED_ACTION, first, first)]
        return []

    def _use_of_model(self, reading: Reading) -> list[Mention]:
        """A model and something to use it on, without a verb: `use job 81c0 on /data/new`."""
        sentence = reading.sentence
        uses = [i for i in sentence.free() if sentence.word(i) in {"run", "use", "apply", "try", "verwende", "nutze", "用"}]
        if reading.places and (uses or any(p.is_video for p in reading.places)):
            first = uses[0] if uses else reading.places[0].first
            return [Mention("inference", first, first + bool(uses))]
        return []

    def _is_knowledge_question(self, reading: Reading) -> bool:
        return self._controls.informal(reading.sentence) is not None

    def _skills(self, reading: Reading, groups: list[Group]) -> list[str] | Answer:
        """The skill of each group."""
        whole = (0, len(reading.sentence.tokens))
        corrected = self._corrected_pointings(reading)
        explicit = next((s for s in reading.explicit if s.slot == "skill"), None)
        found: list[str] = []
        for group in groups:
            allowed = set.intersection(*(set(self._words.skills_with(m.action)) for m in group.actions))
            names = [name for name in self._words.skills if name in allowed]
            if explicit is not None:
                if explicit.value not in names:
                    hint = did_you_mean(str(explicit.value), self._words.skills)
                    return self._refused(reading, Outcome.UNSUPPORTED, f"no skill is named {explicit.value!r}; {hint}")
                found.append(str(explicit.value))
                continue
            if either := self._either(reading, names):
                return self._which_skill(reading, Choice(either, NAME), names)
            named = choose(corrected, list(self._words.skills), (group.first, group.end))
            if named.is_named and named.skills[0] not in names:
                own = tuple(self._words.skills[named.skills[0]].info.actions)
                asked = ", ".join(m.action for m in group.actions if m.action not in own)
                return self._refused(reading, Outcome.UNSUPPORTED, f"{named.skills[0]} has no action {asked}; it has: {', '.join(own)}.", own)
            choice = choose(corrected, names, (group.first, group.end))
            if not choice.is_named:
                everywhere = choose(corrected, names, whole)
                choice = everywhere if everywhere.score > choice.score or not choice.skills else choice
            if len(choice.skills) == 1:
                found.append(choice.skills[0])
            elif (known := self._skill_of_job(reading)) in names and known in (*choice.skills, *names):
                found.append(str(known))
            elif not choice.skills and found and found[-1] in names:
                found.append(found[-1])
            elif len(names) == 1 and not choice.skills:
                found.append(names[0])
            else:
                return self._which_skill(reading, choice, names)
        return found

    def _skill_of_job(self, reading: Reading) -> str | None:
        """The skill of the first job that is spoken of."""
        known = (self._skill_of(pointer.ref) for pointer in reading.jobs)
        return next((skill for skill in known if skill), None)

    def _either(self, reading: Reading, names: list[str]) -> tuple[str, ...]:
        """Skills between which the sentence itself does not choose: `either A or B`."""
        sentence = reading.sentence
        found = [p for p in reading.pointings if max(p.match.meaning.weights.values()) >= NAME / 2]
        for before, after in zip(found, found[1:], strict=False):
            between = {sentence.word(i) for i in range(before.match.end, after.first)}
            skills = {max(p.match.meaning.weights, key=lambda s: p.match.meaning.weights[s]) for p in (before, after)}
            if between & {"or", "oder", "或", "还是"} and len(skills) == 2 and skills <= set(names):
                return tuple(name for name in names if name in skills)
        return ()

    def _corrected_pointings(self, reading: Reading) -> list[Pointing]:
        """What points to a skill; what was said before a correction that names one is gone."""
        for match in reversed(self._actions.corrections(reading.sentence)):
            after = [p for p in reading.pointings if p.first >= match.end]
            if choose(after, list(self._words.skills), (0, len(reading.sentence.tokens))).is_named:
                return after
        return reading.pointings

    def _which_skill(self, reading: Reading, choice: Choice, names: list[str]) -> Answer:
        candidates = choice.skills or tuple(names)
        unknown = self._unknown_words(reading)
        if not choice.skills and unknown:
            return self._refused(
                reading, Outcome.UNSUPPORTED,
                f"Nothing here is known to be for {unknown[0]!r}. There is: {', '.join(names)}; "
                "see 'skillbank capabilities'.", tuple(names),
            )
        return self._refused(
            reading, Outcome.AMBIGUOUS,
            f"More than one skill fits: {', '.join(candidates)}. Say what the data are (skeletons, "
            "video clips, photos of objects, ...), or name the skill.", candidates,
        )

    def _end_of_object(self, reading: Reading) -> int:
        """Where what is wanted ends, and what it is to be done on begins."""
        sentence = reading.sentence
        start = max((m.end for m in reading.mentions), default=0)
        for index in range(start, len(sentence.tokens)):
            if sentence.word(index) in {"on", "with", "using", "auf", "mit", "from"} and index > start:
                return index
        return len(sentence.tokens)

    def _unknown_words(self, reading: Reading) -> list[str]:
        """Words that nothing explains, where they might say what is wanted."""
        sentence = reading.sentence
        common = self._spelling.good
        end = self._end_of_object(reading)
        return [
            sentence.tokens[index].text
            for index in sentence.free()
            if index < end
            and sentence.kind(index) is Kind.WORD
            and len(sentence.word(index)) > 2
            and sentence.stem(index) not in common
            and sentence.word(index).isalpha()
        ]

    def _refuse_foreign(self, reading: Reading, has_action: bool) -> Answer | None:
        sentence = reading.sentence
        named = choose(reading.pointings, list(self._words.skills), (0, len(sentence.tokens)))
        for said in reading.explicit:
            if said.slot == "platform" and said.value not in self._platforms:
                return self._refused(reading, Outcome.UNSUPPORTED, f"no platform is named {said.value!r}; the platforms are: {', '.join(self._platforms)}.", self._platforms)
        for match in reading.foreign:
            what, phrase = match.meaning
            before = {sentence.word(match.first - 1), sentence.word(match.first - 2)}
            if before & {"not", "don't", "no", "without", "never"} and what is not Foreign.NETWORK:
                continue
            if what is Foreign.TIME:
                return self._refused(reading, Outcome.UNSUPPORTED, f"Nothing here waits for a time or a condition ({phrase!r}); ask when it is to be done.")
            if what is Foreign.PLATFORM and phrase.split()[-1] in self._platforms:
                reading.platforms.append(Said("platform", phrase.split()[-1], match.first, match.end))
                continue
            if what in {Foreign.TASK, Foreign.NETWORK} and not (has_action or reading.places) and not {sentence.word(i) for i in range(len(sentence.tokens))} & _REQUEST:
                continue
            is_object = bool(before & {"a", "an", "with", "using", "via", "mit", "my", "train", "our", "trainiere"})
            if what in {Foreign.NETWORK, Foreign.TASK} and (len(named.skills) == 1 and (named.is_named and not is_object)):
                continue
            if what is Foreign.NETWORK and self._is_source(sentence, match):
                continue
            return self._foreign_answer(reading, match)
        return None

    def _is_source(self, sentence: Sentence, match: Match[tuple[Foreign, str]]) -> bool:
        """`YOLO keypoints` are data, not a network to train."""
        after = {sentence.stem(match.end), sentence.stem(match.end + 1)}
        return bool(after & {"keypoint", "pose", "skeleton", "output", "format", "json", "joint"}) or sentence.word(match.first - 1) in {"from", "by", "aus", "von"}

    def _foreign_answer(self, reading: Reading, match: Match[tuple[Foreign, str]]) -> Answer:
        what = match.meaning[0]
        start, end = reading.sentence.span(match.first, match.end)
        words = reading.sentence.text[start:end]
        if what is Foreign.PLATFORM:
            there = self._platforms
            message = f"Jobs cannot run on {words!r} here; the platforms are: {', '.join(there)}."
        elif what is Foreign.FORMAT:
            there = ()
            message = f"Nothing here writes {words!r}: export writes ONNX."
        else:
            there = tuple(self._words.skills)
            message = f"Nothing here does {words!r}. There is: {', '.join(there)}; see 'skillbank capabilities'."
        return self._refused(reading, Outcome.UNSUPPORTED, message, there)

    def _without_action(self, reading: Reading) -> Answer:
        """A sentence that names no action."""
        sentence = reading.sentence
        if any(m.is_negated for m in reading.mentions) or self._actions.tells(sentence):
            return self._refused(reading, Outcome.NOTHING, "This asks for something not to be done; nothing is done.")
        choice = choose(reading.pointings, list(self._words.skills), (0, len(sentence.tokens)))
        if self._is_knowledge_question(reading):
            if len(choice.skills) == 1:
                return self._commanded(reading, Command("show", choice.skills), 0, len(sentence.tokens))
            return self._refused(reading, Outcome.NOTHING, "This is a question that no command answers; see 'skillbank capabilities' and 'skillbank show SKILL'.")
        unknown = self._unknown_words(reading)
        if not choice.skills and reading.places and unknown:
            return self._refused(reading, Outcome.UNSUPPORTED, f"Nothing here is known to do {unknown[0]!r}; see 'skillbank capabilities'.", tuple(self._words.skills))
        if choice.skills or reading.places or reading.jobs or reading.policies:
            skill = self._words.skills[choice.skills[0]] if len(choice.skills) == 1 else None
            actions = tuple(skill.info.actions) if skill else tuple(sorted(self._words.all_actions))
            return self._refused(reading, Outcome.AMBIGUOUS, f"What is to be done is not said; one of: {', '.join(actions)}.", actions)
        asks = {sentence.word(i) for i in range(len(sentence.tokens))} & _REQUEST
        outcome = Outcome.UNSUPPORTED if unknown and asks else Outcome.NOTHING
        told = f" ({unknown[0]!r} is not known here)" if unknown else ""
        return self._refused(reading, outcome, f"Nothing is asked for that can be done here{told}; see 'skillbank capabilities'.", tuple(self._words.skills) if unknown else ())

    def _refused(self, reading: Reading, outcome: Outcome, message: str, candidates: tuple[str, ...] = ()) -> Answer:
        return Answer(reading.sentence.text, outcome, message=message, candidates=candidates)

    def _origin(self, reading: Reading, part: str, first: int, end: int) -> Origin:
        start, stop = reading.sentence.span(first, max(end, first + 1))
        return Origin(part, reading.sentence.text[start:stop], start, stop)


class _Assembly:
    """Puts what was found into steps."""

    def __init__(self, words: BankWords, reading: Reading, groups: list[Group], skills: list[str], actions: ActionReader, spelling: Spelling) -> None:
        self._words, self._reading, self._groups = words, reading, groups
        self._actions, self._spelling = actions, spelling
        self._contradictions: list[str] = []
        self._steps: list[dict[str, Any]] = []
        self._group_of: list[int] = []
        self._origins: list[Origin] = []
        for index, (group, skill) in enumerate(zip(groups, skills, strict=True)):
            for mention in group.actions:
                step = {"skill": skill, "action": mention.action, "data": {}, "overrides": {}, "automl": {}}
                self._steps.append(step)
                self._group_of.append(index)
                self._tell(f"steps[{len(self._steps) - 1}].action", mention.first, mention.end)

    def answer(self) -> Answer:
        """The answer for the whole sentence."""
        reading = self._reading
        self._lay_explicit()
        self._lay_places()
        self._lay_values()
        self._lay_jobs()
        self._lay_checkpoints()
        contradiction = self._lay_policy() or " ".join(self._contradictions)
        self._link()
        for said in reading.platforms:
            for index in range(len(self._steps)):
                self._set(index, "platform", said.value, said.first, said.end)
        steps = [_step(step) for step in self._steps]
        missing = [m for index in range(len(steps)) for m in missing_inputs(index, steps, self._words)]
        text = reading.sentence.text
        told = {"steps": tuple(steps), "origins": tuple(self._origins), "notes": tuple(reading.notes)}
        if contradiction:
            return Answer(text, Outcome.CONTRADICTORY, message=contradiction, **told)
        if reading.problems:
            return Answer(text, Outcome.UNSUPPORTED, message=" ".join(reading.problems), **told)
        if missing:
            what = "; ".join(dict.fromkeys(m.what for m in missing))
            return Answer(text, Outcome.INCOMPLETE, message=f"Something is missing: {what}.", missing=tuple(missing), **told)
        return Answer(text, Outcome.PLAN, message=_summary(steps), **told)

    def _tell(self, part: str, first: int, end: int) -> None:
        if end > first:
            start, stop = self._reading.sentence.span(first, end)
            self._origins.append(Origin(part, self._reading.sentence.text[start:stop], start, stop))

    def _set(self, index: int, slot: str, value: Any, first: int, end: int) -> None:  # noqa: ANN401
        section, dot, key = slot.partition(".")
        if dot:
            self._steps[index][section][key] = value
        else:
            self._steps[index][slot] = value
        part = f"steps[{index}].{slot}"
        self._origins = [one for one in self._origins if one.part != part]
        self._tell(part, first, end)

    def _order(self, first: int) -> list[int]:
        """Steps in the order in which a detail at a token may belong to them."""
        at = next((i for i, g in enumerate(self._groups) if g.first <= first < g.end), 0)
        indices = range(len(self._steps))
        own = [i for i in indices if self._group_of[i] == at]
        before = [i for i in reversed(indices) if self._group_of[i] < at]
        after = [i for i in indices if self._group_of[i] > at]
        return [*own, *before, *after]

    def _word_of(self, index: int):  # noqa: ANN202
        return self._words.action(self._steps[index]["skill"], self._steps[index]["action"])

    def _lay_explicit(self) -> None:
        from skillbank.automl.settings import SearchSettings

        direct = {
            "data", "dataset", "data_path", "root", "dataset_root", "data_root", "dataset_dir", "data_dir",
            "dataset_path", "dataset_folder", "data_folder", "folder", "path", "input",
        }  # fmt: skip
        for said in self._reading.explicit:
            key = said.slot.replace("-", "_")
            if key in {"action", "skill"} or key in {"automl", "automl_policy", "automl_enabled", "auto_ml", "hpo"}:
                continue
            if key in direct or key in _ROLE_KEYS:
                role, equals, folder = str(said.value).partition("=")
                use = _ROLE_KEYS.get(role if equals and role in _ROLE_KEYS else key, Use.PLAIN)
                path = folder if equals and role in _ROLE_KEYS else str(said.value)
                self._reading.places.append(Place(path, use, said.first, said.end))
            elif key in {"parent", "parent_job_id", "parent_job", "job", "job_id"}:
                self._reading.jobs.append(Pointer(ParentRef(job=str(said.value)), said.first, said.end))
            elif key in {"epoch", "step"} and (chooser := self._chooser(said.first)) is not None:
                self._set(chooser, "checkpoint", f"{key}={said.value}", said.first, said.end)
            elif key in {"checkpoint", "base_checkpoint", "platform", "spec", "e"}:
                slot = "spec" if key == "e" else key
                target = self._order(said.first)[0]
                value = said.value
                self._set(target, slot, str(value), said.first, said.end)
            elif self._is_of_search(key, SearchSettings.model_fields):
                train = self._train_step() or 0
                self._set(train, f"automl.{key.removeprefix('automl_')}", said.value, said.first, said.end)
            else:
                self._lay_setting(said)

    def _chooser(self, first: int) -> int | None:
        """The step near a token that takes another job's checkpoint."""
        for index in self._order(first):
            words = self._word_of(index)
            if takes_checkpoint(words.skill, words.action):
                return index
        return None

    def _is_of_search(self, key: str, known: Collection[str]) -> bool:
        """Whether a name is that of a search's setting, not of the training's own spec."""
        train = self._train_step()
        if train is None or key.removeprefix("automl_") not in known:
            return False
        leaves = {one.rpartition(".")[2] for one in self._word_of(train).fields}
        return key.startswith("automl_") or key not in leaves

    def _train_step(self) -> int | None:
        return next((i for i, s in enumerate(self._steps) if s["action"] == SEARCHED_ACTION), None)

    def _lay_setting(self, said: Said) -> None:
        for index in self._order(said.first):
            field_ = self._word_of(index).find(said.slot) or self._word_of(index).find(self._respelled(said.slot))
            if field_ is not None:
                value = self._choice_value(field_, said.value)
                if problem := field_.problem(value):
                    self._reading.problems.append(problem)
                self._set(index, f"overrides.{field_.key}", value, said.first, said.end)
                return
        words = self._word_of(0)
        known = [*words.fields, *words.skill.info.spec_shorthand_keys]
        self._reading.problems.append(f"{said.slot}: no such setting; {did_you_mean(said.slot, known)}")

    def _respelled(self, name: str) -> str:
        """A name of a setting with its words corrected."""
        inner = Sentence.of(name.replace("_", " ").replace(".", " "))
        self._spelling.correct(inner)
        return " ".join(inner.stem(index) for index in range(len(inner.tokens)))

    def _choice_value(self, field_: Any, value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, str) and field_.choices:
            for choice in field_.choices:
                if choice.lower() == value.lower() or choice.rpartition(".")[2].lower() == value.lower():
                    return choice
        if "array" in field_.types and isinstance(value, int):
            return [value]
        return value

    def _data_steps(self, order: list[int]) -> list[int]:
        """Steps of the nearest group that read a dataset root."""
        taking = [i for i in order if takes_data(self._word_of(i).skill, self._steps[i]["action"])]
        if not taking:
            return []
        return [i for i in taking if self._group_of[i] == self._group_of[taking[0]]]

    def _lay_places(self) -> None:
        for place in self._reading.places:
            if self._is_dropped(place):
                continue
            laid = False
            order = self._order(place.end - 1)
            if place.ending == "onnx":
                order.sort(key=lambda index: not self._writes_onnx(index))
            for index in order:
                found = lay(place, self._word_of(index))
                if found is None and not place.ending:
                    found = lay(replace(place, use=Use.PLAIN), self._word_of(index))
                if found is None:
                    continue
                slot, path = found
                targets = self._data_steps(order) if slot.startswith("data.") else [index]
                for target in targets:
                    if slot == "data.all" and slot.partition(".")[2] in self._steps[target]["data"]:
                        if not self._replaces(place):
                            continue
                    self._set(target, slot, path, place.first, place.end)
                laid = True
                break
            if not laid:
                self._reading.problems.append(f"{place.path}: what it is for is not clear.")
        for step in self._steps:
            _settle_roles(step["data"])

    def _writes_onnx(self, index: int) -> bool:
        return any(key.endswith(".onnx_file") for key in self._word_of(index).fields)

    def _is_dropped(self, place: Place) -> bool:
        sentence = self._reading.sentence
        before = [sentence.word(place.end - 2), sentence.word(place.end - 3)]
        if before[0] in {"not", "than", "statt", "nicht"} or (before[1] == "not" and before[0] in {"on", "from", "in", "with"}):
            return True
        return before[0] == "of" and before[1] == "instead"

    def _replaces(self, place: Place) -> bool:
        return True

    def _lay_values(self) -> None:
        sentence = self._reading.sentence
        whole = (0, len(sentence.tokens))
        spans = [(self._groups[g].first, self._groups[g].end) for g in self._group_of]
        for pass_spans in (spans, [whole] * len(spans)):
            for index, span in enumerate(pass_spans):
                words = self._word_of(index)
                for said in ValueReader(words, sentence, span).read():
                    section, _, key = said.slot.partition(".")
                    if section == "automl":
                        self._set(index, said.slot, said.value, said.first, said.end)
                        continue
                    if self._is_said_already(index, key, said):
                        continue
                    if problem := words.fields[key].problem(said.value):
                        self._reading.problems.append(problem)
                    self._set(index, said.slot, said.value, said.first, said.end)
        self._lay_corrected_numbers()

    def _is_said_already(self, index: int, key: str, said: Said) -> bool:
        """Whether an assignment gives the value, which beats words; two words that differ contradict."""
        known = self._steps[index]["overrides"].get(key)
        if known is None or known == said.value:
            return False
        origin = next((o for o in self._origins if o.part == f"steps[{index}].overrides.{key}"), None)
        if origin is None or "=" in origin.words:
            return origin is not None
        tokens = self._reading.sentence.tokens
        first = next((i for i, token in enumerate(tokens) if token.end >= origin.end), 0)
        if not self._is_corrected(first, said.end):
            self._contradictions.append(f"{key}: both {known!r} and {said.value!r} are asked for; say which.")
        return False

    def _lay_corrected_numbers(self) -> None:
        """`30 epochs, no, make that 50`: a number alone after a correction replaces the last one."""
        sentence = self._reading.sentence
        for match in self._actions.corrections(sentence):
            numbers = [i for i in range(match.end, match.end + 5) if sentence.kind(i) is Kind.NUMBER and not sentence.is_taken(i)]
            start = sentence.tokens[match.first].start
            said = [
                (one.end, index, key)
                for index, step in enumerate(self._steps)
                for key, value in step["overrides"].items()
                if isinstance(value, int | float) and not isinstance(value, bool)
                for one in self._origins
                if one.part == f"steps[{index}].overrides.{key}" and one.end <= start
            ]
            if numbers and said:
                _, index, key = max(said)
                self._set(index, f"overrides.{key}", sentence.tokens[numbers[0]].value, match.first, numbers[0] + 1)
                sentence.take(numbers[0], numbers[0] + 1, "overrides.")

    def _lay_jobs(self) -> None:
        for pointer in sorted(self._reading.jobs, key=lambda one: one.ref.job is None):
            for index in self._order(pointer.first):
                words = self._word_of(index)
                parents = words.skill.info.actions[words.action].parents
                is_taken = self._steps[index].get("parent") is not None
                if parents == () or (is_taken and not self._is_corrected(self._reading.jobs[0].end, pointer.first)):
                    continue
                if pointer.ref.last and parents is not None and pointer.ref.last not in (*parents, "job") and words.action != "train":
                    continue
                if words.action == SEARCHED_ACTION and pointer.ref.last in {"train", "job"} and not self._is_base(pointer):
                    continue
                ref = pointer.ref
                if ref.last == "job":
                    ref = ParentRef(last=parents[0] if parents else "train")
                self._set(index, "parent", ref, pointer.first, pointer.end)
                break

    def _is_base(self, pointer: Pointer) -> bool:
        """Whether a training builds on the job: `from the last training`, not `the last one failed`."""
        sentence = self._reading.sentence
        before = {sentence.word(pointer.first - 1), sentence.word(pointer.first - 2)}
        return bool(before & {"from", "of", "on", "with", "using", "by", "von", "aus", "mit"})

    def _lay_checkpoints(self) -> None:
        for said in self._reading.checkpoints:
            for index in self._order(said.first):
                words = self._word_of(index)
                if takes_checkpoint(words.skill, words.action):
                    last = said.end - 1
                    if self._reading.sentence.meaning(last).startswith("overrides."):
                        break
                    self._set(index, "checkpoint", said.value, said.first, said.end)
                    break

    def _lay_policy(self) -> str | None:
        """Policies and settings of the search; what is wrong with them together, if anything."""
        reading, sentence = self._reading, self._reading.sentence
        trains = [i for i, step in enumerate(self._steps) if step["action"] == SEARCHED_ACTION]
        explicit = [s for s in reading.explicit if s.slot.replace("-", "_") in {"automl", "automl_policy", "automl_enabled", "auto_ml", "hpo"}]
        for index in trains:
            group = self._groups[self._group_of[index]]
            said = [
                s for s in reading.policies
                if len(trains) == 1 or group.first <= s.first < group.end or self._is_for_all(s)
            ]
            search = [s for s in reading.search if len(trains) == 1 or group.first <= s.first < group.end]
            for one in search:
                self._set(index, one.slot, one.value, one.first, one.end)
            policy = said[-1].value if said else AutomlPolicy.ON
            if explicit and len({str(AutomlPolicy.parse(s.value)) for s in explicit}) > 1:
                return "AutoML is given as on and as off; leave one out."
            if explicit:
                policy = AutomlPolicy.parse(explicit[-1].value)
                self._set(index, "automl_policy", policy, explicit[-1].first, explicit[-1].end)
            elif said:
                self._set(index, "automl_policy", policy, said[-1].first, said[-1].end)
                if len({s.value for s in said}) > 1 and not self._is_corrected(said[0].end, said[-1].end):
                    return "AutoML is said to be on and off; say which."
            if policy is AutomlPolicy.OFF and self._steps[index]["automl"]:
                last = max((s.first for s in search), default=0)
                if said and not explicit and last < said[-1].first and self._is_corrected(last, said[-1].end):
                    self._steps[index]["automl"] = {}
                    continue
                return (
                    "AutoML is off, and settings of its search are given "
                    f"({', '.join(self._steps[index]['automl'])}); leave one out."
                )
        if not trains and any(s.slot == "automl.algorithm" for s in reading.search):
            reading.notes.append("Only train is ever searched; the settings of the search have no effect.")
        return None

    def _is_for_all(self, said: Said) -> bool:
        """Whether a policy is said of every training: `both without AutoML`, or in a sentence of its own."""
        sentence = self._reading.sentence
        near = {sentence.word(i) for i in range(max(0, said.first - 3), said.first)}
        near |= {sentence.word(i) for i in range(said.end, said.end + 3)}
        begins = said.first == 0 or sentence.kind(said.first - 1) is Kind.STOP
        ends = sentence.kind(said.end) in {None, Kind.STOP}
        return bool(near & {"both", "all", "each", "every", "beide", "beides", "alle", "都"}) or (begins and ends)

    def _is_corrected(self, first: int, end: int) -> bool:
        sentence = self._reading.sentence
        if any(first - 3 <= m.first <= end for m in self._actions.corrections(sentence)):
            return True
        return any(
            sentence.word(i) in {"no", "nein"} and sentence.kind(i + 1) is Kind.COMMA for i in range(first, end)
        )

    def _link(self) -> None:
        """Parents of steps, and what a step takes over from the ones before it."""
        for index, step in enumerate(self._steps):
            words = self._word_of(index)
            parents = words.skill.info.actions[words.action].parents
            earlier = [
                j for j in range(index)
                if self._steps[j]["skill"] == step["skill"] and (parents is None or self._steps[j]["action"] in parents)
            ]
            own_data = any(o.part.startswith(f"steps[{index}].data") for o in self._origins)
            has_path = "/" in str(step.get("checkpoint") or "")
            if earlier and step.get("parent") is None and not has_path and not (step["action"] == SEARCHED_ACTION and own_data):
                step["parent"] = ParentRef(step=earlier[-1])
            elif step.get("parent") is None and parents != () and index and takes_checkpoint(words.skill, words.action) and not has_path:
                before = self._steps[index - 1]
                if before["skill"] == step["skill"] and takes_checkpoint(words.skill, before["action"]):
                    step["parent"] = before.get("parent")
                    step["checkpoint"] = step.get("checkpoint") or before.get("checkpoint")
            self._inherit_data(index, own_data)

    def _inherit_data(self, index: int, own_data: bool) -> None:
        step, words = self._steps[index], self._word_of(index)
        if own_data or not takes_data(words.skill, words.action):
            return
        inputs = words.skill.info.actions[words.action].inputs
        replaced = {other for one in inputs.values() for other in one.unless} & step["overrides"].keys()
        parent = step.get("parent")
        sources = [parent.step] if parent is not None and parent.step is not None else []
        sources += [j for j in range(index) if self._steps[j].get("parent") == parent and parent is not None]
        for source in sources:
            if self._steps[source]["data"] and not replaced:
                step["data"] = dict(self._steps[source]["data"])
                if step["action"] != SEARCHED_ACTION and self._steps[source]["action"] == SEARCHED_ACTION:
                    pass
                return


def _settle_roles(data: dict[str, str]) -> None:
    """A root for everything is that for training where another is for validation."""
    if "val" in data and "all" in data and "train" not in data:
        data["train"] = data.pop("all")
    if "train" in data and "val" not in data:
        data["all"] = data.pop("train")


def _step(content: dict[str, Any]) -> AskedStep:
    known = {key: value for key, value in content.items() if value is not None}
    return AskedStep(**known)


def _summary(steps: Iterable[AskedStep]) -> str:
    told = [f"{step.action} with {step.skill}" for step in steps]
    return f"Understood: {', then '.join(told)}."
