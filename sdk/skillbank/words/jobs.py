"""Jobs and checkpoints that a sentence points to: job 7f3a2c, the last training, epoch 7."""

from __future__ import annotations

import re
from dataclasses import dataclass

from skillbank.words.answer import ParentRef
from skillbank.words.lexicon import phrases
from skillbank.words.matcher import Phrases, Said, Sentence
from skillbank.words.tokens import Kind

_CUES = frozenset(
    "job jobs run training search experiment trial parent id # lauf workflow conversion model evaluation jobid parent_job "
    "任务 作业 练 trainingslauf from of on auftrag".split()
)
_WEAK_CUES = frozenset({"from", "of", "on", "model", "练"})
_ID = re.compile(r"(?=[a-z-]*\d)[a-z0-9][a-z0-9-]{2,}$", re.IGNORECASE)
_HEX = re.compile(r"(?=.*\d)(?=.*[a-z])[0-9a-z]{4,12}$", re.IGNORECASE)
_NO_ID = re.compile(r"\d+(d|k|m|s|h|p|fps|ms|gb|mb|hz|dof|x\d+|e\d+)$|[a-z]+\d{1,2}$|(v\d+)$", re.IGNORECASE)
_RECENT = "last|latest|previous|most recent|newest|recent|letzte|letzten|letztes|vorige|vorherige|上次|上一次|最近|上一个|最新"
_KINDS = {
    "train": "training|training run|train job|training job|run|model|experiment|train run|search|automl search|automl run|trained model|job|hpo search|hpo run|训练|模型|任务|modell|lauf|trainingslauf|one",
    "evaluate": "evaluation|evaluation job|evaluation run|eval|eval run|评估",
    "inference": "inference|prediction run|inference run|predictions|inference job",
    "export": "export|export job",
    "dataset_convert": "conversion|dataset conversion|converted dataset|convert job|dataset_convert|dataset convert|converted data|conversion job|转换",
    "pose": "pose job|pose run|pose extraction",
}
_JUST = """
model i just trained|model we just trained|model you just trained|model i trained|model we trained|model that i trained|one i just trained
network i just trained|network i trained|classifier i trained|classifier i just trained|training i just ran|training we just ran|training from yesterday|training that just finished
run from yesterday|model from yesterday|training from this morning|model from this morning|job i just ran|job that just finished
training that i just ran|model that was just trained|freshly trained model|just trained model|刚训练的模型|刚才训练的模型|gerade trainierte modell
"""
_RULES = {
    "best": "best checkpoint|best epoch|best weights|best one|best model|best performing checkpoint|best snapshot|bester checkpoint|besten checkpoint|最佳检查点|最好的检查点|最优检查点",
    "latest": "latest checkpoint|last checkpoint|newest checkpoint|most recent checkpoint|final checkpoint|last weights|latest weights|latest snapshot|last epoch|latest epoch|final epoch|letzten checkpoint|neuesten checkpoint|最新检查点|最后一个检查点",
}


@dataclass(frozen=True)
class Pointer:
    """A job that the words point to."""

    ref: ParentRef
    first: int
    end: int


class JobWords:
    """Reads jobs and checkpoints."""

    def __init__(self) -> None:
        self._last = Phrases[str]()
        for action, table in _KINDS.items():
            for recent in phrases(_RECENT):
                for kind in phrases(table):
                    self._last.add(f"{recent} {kind}", "" if kind == "job" else action)
                    for between in ("pose", "st-gcn", "successful", "completed"):
                        self._last.add(f"{recent} {between} {kind}", action)
        for phrase in phrases(_JUST):
            self._last.add(phrase, "train")
        self._rules = Phrases((p, rule) for rule, table in _RULES.items() for p in phrases(table))
        self.words = self._last.words | self._rules.words

    def read_checkpoints(self, sentence: Sentence) -> list[Said]:
        """Which checkpoints are asked for: best, latest, epoch=N, step=N."""
        found = [Said("checkpoint", m.meaning, m.first, m.end) for m in self._rules.find(sentence)]
        for index in range(1, len(sentence.tokens)):
            if sentence.kind(index) is not Kind.NUMBER:
                continue
            before, value = sentence.word(index - 1), sentence.tokens[index].value
            if before in {"no", ".", "number", "#", "="}:
                before = sentence.word(index - 2)
            if before in {"epoch", "step", "epoche"} and value == int(value):
                first = index - 1
                after = {"checkpoint", "of"} & {sentence.word(index + 1)}
                rule = "step" if before == "step" else "epoch"
                found.append(Said("checkpoint", f"{rule}={int(value)}", first, index + 1 + bool(after & {"checkpoint"})))
        return found

    def read(self, sentence: Sentence) -> list[Pointer]:
        """Jobs in order; their words are taken."""
        found = [self._by_id(sentence, index) for index in range(len(sentence.tokens))]
        pointers = [one for one in found if one is not None]
        for match in self._last.find(sentence):
            if sentence.word(match.first - 1) in {"at", "for", "in"} or sentence.word(match.end) in {"checkpoint", "epoch", "data", "set", "version"}:
                continue
            pointers.append(Pointer(ParentRef(last=match.meaning or "job"), match.first, match.end))
        pointers.sort(key=lambda one: one.first)
        for one in pointers:
            sentence.take(one.first, one.end, "job")
        return pointers

    def _by_id(self, sentence: Sentence, index: int) -> Pointer | None:
        if sentence.is_taken(index):
            return None
        token = sentence.tokens[index]
        cue = index - 1
        while sentence.word(cue) in {"#", "id", ":", "=", "number", "no", "named", "called"} and cue > 0:
            cue -= 1
        cues = {sentence.word(cue), sentence.word(index - 1)}
        first = cue if sentence.word(cue) in _CUES - _WEAK_CUES else index
        if token.kind is Kind.JOB:
            return Pointer(ParentRef(job=token.text), first, index + 1)
        if token.kind not in {Kind.WORD, Kind.NUMBER} or not token.text.isascii():
            return None
        text = self._whole(sentence, index)
        strong = cues & (_CUES - _WEAK_CUES)
        if strong and token.kind is Kind.NUMBER and ("." in text or len(text) < 3 or " " in text):
            return None
        if strong and _ID.match(text) and not _NO_ID.match(text):
            return Pointer(ParentRef(job=text), first, index + text.count("-") + 1)
        if (cues & _WEAK_CUES or "#" in cues) and _HEX.match(text) and not _NO_ID.match(text):
            return Pointer(ParentRef(job=text), first, index + 1)
        return None

    def _whole(self, sentence: Sentence, index: int) -> str:
        """The text of a token with the parts that hyphens join to it."""
        end, last = sentence.tokens[index].end, index
        while sentence.text[end : end + 1] == "-" and last + 1 < len(sentence.tokens):
            last += 1
            end = sentence.tokens[last].end
        return sentence.text[sentence.tokens[index].start : end]
