"""Requests that are one command: resume a job, show its log, say what there is."""

from __future__ import annotations

from skillbank.words.answer import Command, ParentRef
from skillbank.words.jobs import Pointer
from skillbank.words.lexicon import phrases
from skillbank.words.matcher import Match, Phrases, Sentence

_OF_JOBS = {
    "resume": """resume|continue|go on with|pick up|carry on with|carry on|restart|unpause|proceed with|resuming|continuing|go on|setze fort|fortsetzen|setze|weitermachen
        mach weiter|weiter mit|恢复|继续|接着""",
    "cancel": "cancel|stop|abort|kill|terminate|halt|interrupt|end|shut down|abbrechen|brich ab|brich|stoppe|stopp|beende|取消|停止|终止|停掉",
    "status": """status|progress|how far|is finished|is done|is it done|is it finished|still running|state of|how is|how's|what happened to|what happened with|what's up with|done yet|finished yet
        finished|is running|doing|eta|when will|did it finish|has it finished|is ready|check on|wie weit|stand|fertig|进度|状态|why did|why has|what went wrong|failed|crash|crashed|跑完|完成了吗""",
    "logs": "log|logs|log output|log file|console output|what did it print|printed|stdout|protokoll|日志",
    "report": "report|html report|report page|bericht|报告",
    "resolve": """best checkpoint|which checkpoint|where is the checkpoint|path of the checkpoint|path to the checkpoint|path of the best checkpoint|where is the best checkpoint|where are the weights|where's the checkpoint
        latest checkpoint|resolve|which epoch was best|which epoch""",
    "wait": "wait for|wait until|wait till|warte auf|等待|tell me when|notify me when|let me know when",
}
_OF_ALL = {
    "jobs": """list jobs|list my jobs|list all jobs|list the jobs|show jobs|show my jobs|show all jobs|show me my jobs|show me the jobs|show me all jobs|my jobs|all jobs|which jobs|what jobs|what is running|what's running|jobs are running|running jobs|recent jobs|job list|list recent jobs
        any jobs|list runs|list my runs|list trainings|list my trainings|what did i run|what have i run|what was running|was läuft|zeige meine jobs|zeige alle jobs|有哪些任务|任务列表|列出任务|列出所有任务|列出我的任务|newest jobs""",
    "capabilities": """what can you do|what can you train|what can i do|what can i train|what can it do|what can skillbank|what can this|what are you able|what do you support|what do you offer|what is supported|what's supported|what models|which models|which networks|what networks|which skills|what skills|list skills|list the skills|list all skills|list your skills|show skills|show me the skills
        show me your skills|capabilities|what are your capabilities|what is available|what's available|available skills|available models|supported models|supported networks|what tasks|which tasks|what kinds of models|what kind of models|which actions|what actions do you|what actions are|help me choose|what else can you do|what do you have|what have you got|what's in the bank|what is in the bank|which architectures
        was kannst du|welche modelle|welche skills|was gibt es|你能做什么|能做什么|有哪些技能|有哪些模型|支持哪些|可以做什么|can you do|do you support|are there skills|model zoo|which of them can|what is possible|what's possible|what is there|what can be trained|what can be done""",
    "preflight": "preflight|pre flight|preflight check|is everything ready|is this machine ready|check that everything is ready|check whether everything is ready|check if everything is ready|ready to train|launch gate|is my machine ready|is the machine ready|is this computer ready|am i ready",
}
_HOW_TO = """
how do i|how can i|how do you|how would i|how should i|how to|how does one|what do i need|what do you need|what does it need|what is needed|what's needed|what inputs|which inputs|what settings|which settings|what parameters|which parameters|what options
which options|what hyperparameters|which hyperparameters|what arguments|what keys|which keys|show me the settings|show me the options|show me the parameters|show the settings|describe|explain|explain how|tell me about|tell me how|what is the default|what's the default|what are the defaults|default values|what data format|which data format|what format|which format|what does
what layout|which layouts|what layouts|documentation|docs for|instructions for|info on|information about|wie trainiere ich|wie kann ich|wie geht|如何|怎么|怎样|what is the difference|difference between|is it possible|what needs to be set|what must be set|walk me through
"""
_INFORMAL = """
what is|what's a|what are|why|should i|when should|do i need|is it worth|does it|do you think|would it|which is better|what happens if|what would happen|how much does|how long|how many|how big|how large|wie lange|warum|was ist|sollte ich|为什么|什么是|多久|can i use|can i trust|is it better|is it ok|is it a good idea|does automl|does the|who made|how expensive|how fast
"""
_THINGS = frozenset("it job training run search trainings experiment jobs that them this lauf everything model conversion evaluation 训 任 它 trainingslauf one automl hpo workflow".split())


class ControlWords:
    """Reads requests that are one command."""

    def __init__(self) -> None:
        self._of_jobs = Phrases((p, name) for name, t in _OF_JOBS.items() for p in phrases(t))
        self._of_all = Phrases((p, name) for name, t in _OF_ALL.items() for p in phrases(t))
        self._how_to = Phrases((p, True) for p in phrases(_HOW_TO))
        self._informal = Phrases((p, True) for p in phrases(_INFORMAL))
        self.words = self._of_jobs.words | self._of_all.words | self._how_to.words

    def about_everything(self, sentence: Sentence) -> tuple[Command, Match[str]] | None:
        """`What can you do?`, `list my jobs`."""
        for match in self._of_all.find(sentence):
            return Command(match.meaning), match
        return None

    def how_to(self, sentence: Sentence) -> Match[bool] | None:
        """A question of how something is done, at the head of a sentence."""
        for match in self._how_to.find(sentence):
            if match.first <= 4 or sentence.tokens[match.first - 1].is_boundary:
                return match
        return None

    def informal(self, sentence: Sentence) -> Match[bool] | None:
        """A question that asks for knowledge."""
        for match in self._informal.find(sentence):
            if match.first <= 3 and not self._is_taken_before(sentence, match.first):
                return match
        asks = sentence.text.rstrip().endswith(("?", "？"))
        if asks and sentence.word(0) in {"is", "are", "does", "do", "did", "will", "was", "has", "have", "ist", "sind"}:
            return Match(0, 1, True)
        return None

    def _is_taken_before(self, sentence: Sentence, first: int) -> bool:
        return any(sentence.is_taken(index) for index in range(first))

    def about_job(
        self, sentence: Sentence, pointers: list[Pointer], checkpoint: str | None
    ) -> tuple[Command, Match[str]] | None:
        """`Resume job 7f3a2c`, `how far is the last training?`."""
        found = [m for m in self._of_jobs.find(sentence) if not _is_told(sentence, m)]
        if not found:
            return None
        order = list(_OF_JOBS)
        best = min(found, key=lambda m: (m.meaning == "status" and len(found) > 1, m.meaning == "resolve", m.first, order.index(m.meaning)))
        if pointers:
            target = _target(pointers[0].ref)
        elif {sentence.stem(i) for i in range(len(sentence.tokens))} & _THINGS or best.meaning == "logs":
            target = "last:train" if self._speaks_of_training(sentence) else "last"
        elif self._is_alone(sentence, best):
            target = ""
        else:
            return None
        extra = (checkpoint,) if best.meaning == "resolve" and checkpoint and checkpoint != "best" else ()
        return Command(best.meaning, (target, *extra)), best

    def _is_alone(self, sentence: Sentence, match: Match[str]) -> bool:
        """Whether nothing but the command is said."""
        rest = {sentence.word(i) for i in range(len(sentence.tokens)) if not match.first <= i < match.end}
        return rest <= {"please", ".", "!", "?", "now", "the", "show", "me", "skillbank", "pls", "bitte", "请"}

    def _speaks_of_training(self, sentence: Sentence) -> bool:
        words = {sentence.word(i) for i in range(len(sentence.tokens))}
        return bool(words & {"training", "train", "trainings", "trainingslauf", "练"})


def _is_told(sentence: Sentence, match: Match[str]) -> bool:
    """Whether a verb tells what happened: `it stopped`, `was killed`."""
    return match.meaning in {"cancel", "resume"} and sentence.word(match.first).endswith("ed")


def _target(ref: ParentRef) -> str:
    if ref.job:
        return ref.job
    return "last" if ref.last in {None, "job"} else f"last:{ref.last}"
