"""Whether the words want a search over hyperparameters: turn off AutoML, no HPO, plain training."""

from __future__ import annotations

from dataclasses import replace

from skillbank.request import AutomlPolicy
from skillbank.words.matcher import Match, Phrases, Said, Sentence
from skillbank.words.tokens import Kind

_TOPICS = """
automl|auto ml|auto-ml|automatic machine learning|hpo|hyper parameter optimization|nas
hyperparameter search|hyperparameter tuning|hyperparameter optimization|hyperparameter sweep
hyperparameter scan|hyperparameter exploration|hyperparameter optimizer|hyperparameter stuff
hyper parameter search|hyper parameter tuning|hyper parameter sweep|hyper-param search|hyper-param tuning
hyperparam search|hyperparam tuning|hyperparam sweep|hyperparam optimization|hparam search|hparam tuning
hparam sweep|hparams search|hparams tuning|hyperparameters search|hyperparameters tuning|hyperparams tuning
hyperparams search|parameter search|parameter sweep|parameter tuning|tuning of hyperparameters
search over hyperparameters|search of hyperparameters|search for hyperparameters|optimization of hyperparameters
tuning the hyperparameters|tune the hyperparameters|tune hyperparameters|optimize hyperparameters
optimize the hyperparameters|search the hyperparameters|tuning hyperparameters|searching hyperparameters
searching for hyperparameters|auto tuning|auto tune|autotune|autotuning|automatic tuning|automated tuning
automated hyperparameter search|automatic hyperparameter search|automatic hyperparameter tuning
suche|tuning|tune|sweep|sweeps|sweeping|search|grid search|tuner|hyperparameters|hyperparams|hparams
hyperparametersuche|hyperparameteroptimierung|hyperparameter-suche|hyperparameter-optimierung
hyperparametertuning|hyperparameter suche|hyperparameter optimierung|hyperparameterabstimmung|parametersuche
suche nach hyperparametern|optimierung der hyperparameter|abstimmung der hyperparameter
自动机器学习|超参数搜索|超参搜索|超参数优化|超参优化|超参数调优|超参调优|超参数调整|超参数寻优|自动调参|自动调优|调参|调优|超参数|超参
recherche d'hyperparamètres|búsqueda de hiperparámetros
"""
_WEAK = frozenset({"such", "suche", "tune", "sweep", "search", "tuner", "hyperparamet", "hyperparam", "hparam", "nas", "auto"})
"""Topics of one word that are about a search only when a word beside them says so."""

_OFF = """
off|never mind|nevermind|abgeschaltetem|ausgeschaltetem|deaktiviertem|abgeschaltete|ausgeschaltete|rather than|instead of|in place of|in lieu of|spare me|save the|cut the|refrain from|abstain from|stay away from|steer clear of|hold the|not interested in|away from|rid of|opposed to|out of this|out of|out|no thanks|no thank you|nope|turn off|turned off|turning off|switch off|switched off|switching off|shut off|toggle off|disable|disabled
disabling|deactivate|deactivated|skip|skipped|skipping|omit|omitted|leave out|left out|leave off|leave aside
drop|without|no|none|zero|minus|sans|w o|avoid|avoided|stop|suppress|forgo|forget|forget about|exclude
excluding|except|false|unwanted|unnecessary|needless|kill|remove|ditch|bypass|opt out of|free of|not needed
ohne|kein|keine|keinen|keiner|keinerlei|aus|ab|deaktiviere|deaktivieren|deaktiviert|ausschalten|abschalten
ausgeschaltet|abgeschaltet|abstellen|überspringe|überspringen|verzichte auf|auf verzichten|verzichten|weglassen
schalte aus|lass weg|weg|sin|pas de|sans|aucune
不要|不用|不做|不进行|不需要|无需|不必|无|别|关闭|关掉|禁用|停用|跳过|取消|免|不使用|不启用|不开启|不开|去掉|省略
"""
_NOT = """
neither|weder|under no circumstances|under any circumstances|by no means|in no case|on no account|under keinen umständen|auf keinen fall|绝对不要|don't|dont|do not|don t|not|never|doesn't|does not|didn't|shouldn't|should not|must not|mustn't|can't
cannot|won't|will not|isn't|is not|aren't|needn't|need not|no need|no reason|no need for|no need to|no point in
no way|rather not|nicht|niemals|nie|kein grund|不|没有必要|没必要|不许|不能|不应|请勿|勿
"""
_ON = """
on|turn|turned|turning|switch|switched|switching|toggle|set|put|turn on|turned on|switch on|switched on|enable|enabled|enabling|activate|activated|use|using|used|with|keep
keeping|kept|leave|leaving|left|run|running|do|doing|make|want|wanted|need|needed|have|having|let|include
perform|start|launch|allow|apply|yes|true|try|please|be|should|must|is|are|stay|stays|remain|remains|to|will
would|get|go|going|like|want to|wish|touch|bother with|bother|waste|time|it|me|us|required|require|necessary|active
mit|an|ein|brauche|brauchen|brauch|ich|wir|mir|uns|aktiviere|aktivieren|aktiviert|einschalten|eingeschaltet|anschalten|nutze|nutzen|verwende|verwenden
mach|mache|machen|schalte|schalten|lass|lasse|bitte|soll|werden|wird|durchführen|führe|durch|auf|bleibt|bleiben
开启|启用|使用|打开|进行|做|用|要|需要|请|保持|开着|把|将|让|并|且
"""
_SAYS_ON = frozenset("use using enable enabled on with keep run mit stay stays leave do 启 开 使 用 perform want need".split())
_SMALL = frozenset({"but", "with", "to", "on", "for", "in", "then", "aber", "at", "from"})
_FILLER = """
the|a|an|any|all|this|that|of|for|kind|sort|my|its|some|these|more|extra|further|whatsoever|at|in|time|run|one|job
policy|feature|thing|stuff|mode|setting|option|step|part|phase|round|rounds|process|please|really|just|simply|only|you|dare|you dare
completely|entirely|totally|explicitly|definitely|actually|additional|automatic|automated|automatically|fancy|expensive|long|whole
entire|full|every|such|just|so|still|here|today|now|again|also|too|either|both|even|ever|or|extensive|costly|lengthy
die|das|der|den|dem|des|irgendeine|eine|einen|dieses|mal|für|lauf|training|diesen|bitte|heute|jede|jegliche|sie|es|zu
自动|任何|的|这次|本次|了|它|一个|再|这|次|都|先|现在|模型
"""
_PLAIN = """
plain|vanilla|single|simple|standard|normal|regular|ordinary|one off|one shot|straight|straightforward|basic|bare
direct|conventional|stock|usual|classic|one|just one|only one|single plain|plain old|plain single|one plain|single plain
one single|one normal|one simple|single direct|direct single|ganz normales|einfaches|einfache|gewöhnliches|normales
einzelnes|schlichtes|reines|einmaliges|ein einziges|einziges|普通|单次|直接|简单|常规|单个|一次|纯|一次性|正常
"""
_TRAINING = "training|train|run|training run|fit|job|training job|train run|trainieren|trainingslauf|lauf|训练|training pass"
_ONCE = """
train once|train it once|train just once|train only once|train exactly once|just train once|training once|train one time
only train once|trained once|run once|train a single time|train it a single time|train it just once|train it one time
trainiere einmal|trainiere nur einmal|einmal trainieren|nur einmal trainieren|只训练一次|训练一次
hyperparameters as they are|hyperparameters as is|fixed hyperparameters|default hyperparameters|stock hyperparameters
my own hyperparameters|given hyperparameters|hyperparameters fixed|standard hyperparameters|existing hyperparameters
settings as they are|config as is|spec as is|spec as it is|exactly as the spec says|defaults only
"""
_WANTED = """
find the best hyperparameters|find good hyperparameters|find the best settings|find good settings|best hyperparameters
find the best learning rate|find a good learning rate|best possible hyperparameters|find better hyperparameters
search for the best|optimal hyperparameters|tune it|tune the model|tune the learning rate|tune everything|tune for me
hyperparameters tuned|tuned hyperparameters|with tuning|with search|with a search|with a sweep|run a sweep|do a sweep
run a search|start a search|launch a search|start a sweep|a hyperparameter search|beste hyperparameter|最佳超参数|最优超参数
"""

_IT_OFF = """
don't do that|do not do that|don't run it|do not run it|don't want it here|skip it|without it|disable it|turn it off|switch it off|drop it|leave it out|leave it off|skip that|without that|no need for it
don't use it|do not use it|don't need it|do not need it|don't want it|do not want it|not today|not this time|not now|not needed|leave that out|keep it off
lass es weg|lass sie weg|lass ihn weg|lasst es weg|这次跳过|跳过|这次不用|这次不要|这次就不用|lass das weg|ohne das|schalte es aus|schalte sie aus|关掉它|不用它
"""
_IT_ON = """
run it this time|run it again|have it on|should have it on|use it this time|keep it|turn it back on|turn it on|switch it on|switch it back on|keep it on|leave it on|enable it|use it after all|turn it back on again|put it back on|do use it|schalte es ein|schalte es wieder ein|wieder an|打开它
"""


def _phrases(table: str) -> list[tuple[str, bool]]:
    return [(one.strip(), True) for one in table.replace("\n", "|").split("|") if one.strip()]


class PolicyWords:
    """Reads what a sentence says about AutoML."""

    def __init__(self) -> None:
        self._topics = Phrases(_phrases(_TOPICS))
        self._modifiers = Phrases[int]()  # -1 turns the meaning around, 1 does not
        for table, sign in ((_NOT, -1), (_OFF, -1), (_ON, 1), (_FILLER, 1)):
            for phrase, _ in _phrases(table):
                self._modifiers.add(phrase, sign)
        self._joins = frozenset({"or", "and", "nor", "oder", "und", "noch", "和", "或"})
        self._training = Phrases(_phrases(_TRAINING))
        self._plain = Phrases(_phrases(_PLAIN))
        self._once = Phrases(_phrases(_ONCE))
        self._wanted = Phrases(_phrases(_WANTED))
        self._pronouns = Phrases(
            [(p, AutomlPolicy.OFF) for p, _ in _phrases(_IT_OFF)]
            + [(p, AutomlPolicy.ON) for p, _ in _phrases(_IT_ON)]
        )
        self.words = {
            word
            for phrases in (self._topics, self._modifiers, self._training, self._plain, self._wanted)
            for word in phrases.words
        }

    def read(self, sentence: Sentence) -> list[Said]:
        """Every statement about AutoML, in order; its words are taken."""
        found = [self._policy(sentence, match) for match in self._topics.find(sentence)]
        said = [one for one in found if one is not None]
        for table, policy in ((self._wanted, AutomlPolicy.ON), (self._once, AutomlPolicy.OFF)):
            said += [
                self._flat(sentence, match, policy)
                for match in table.find(sentence)
                if sentence.word(match.first - 1) != "fine" and sentence.word(match.first) != "tuned"
            ]
        said += self._plain_trainings(sentence)
        said += self._by_pronoun(sentence)
        said.sort(key=lambda one: one.first)
        for one in said:
            for index in range(one.first, one.end):
                if one.slot != "plain" or sentence.stem(index) in self._plain.words | self._training.words:
                    sentence.take(index, index + 1, "policy")
        if referring := [one for one in said if one.slot == "pronoun"]:
            said = [one for one in said if one.first >= referring[-1].first]
        told = [replace(one, slot="policy") for one in said if one.slot != "mention"]
        return told or [replace(one, slot="policy") for one in said]

    def _policy(self, sentence: Sentence, topic: Match[bool]) -> Said | None:
        """What stands around a topic: each word for off or not turns its meaning around."""
        first, left, on_left = self._modified(sentence, topic.first, -1)
        end, right, on_right = self._modified(sentence, topic.end, 1)
        is_told = left + right > 0 or on_left or on_right
        if left + right == 0 and (joined := self._joined(sentence, topic)):
            return joined
        is_weak = topic.end - topic.first == 1 and sentence.stem(topic.first) in _WEAK
        if is_weak and sentence.word(topic.first).endswith("ed"):
            return None  # "I tuned it by hand"
        if is_weak and sentence.word(topic.first - 1) == "fine":
            return None
        if is_weak and left + right == 0 and on_left and sentence.word(topic.first - 1) == "the":
            return Said("policy", AutomlPolicy.ON, first, end)  # "do the search"
        if is_weak and left + right == 0:
            return self._imperative(sentence, topic)
        policy = AutomlPolicy.OFF if (left + right) % 2 else AutomlPolicy.ON
        return Said("policy" if is_told else "mention", policy, first, end)

    def _modified(self, sentence: Sentence, start: int, way: int) -> tuple[int, int, bool]:
        """How far the words that modify a topic reach to one side, how many turn it around.

        The last value tells whether one of them says `on`.
        """
        turns, reach, at, says_on = 0, start, start, False
        if way > 0 and sentence.word(at) in {":", "=", "?", "->"}:
            at += 1
            if sentence.word(at) in {"no", "nope", "none", "off", "nein"} or sentence.word(at + 1) == "thanks":
                return at + 1, 1, False
        skipped = False
        while True:
            match = self._modifier(sentence, at, way)
            if match is None and way < 0 and not skipped and self._is_adjective(sentence, at - 1):
                skipped, at = True, at - 1  # "no silly search"
                continue
            if match is None:
                break
            at = match.first if way < 0 else match.end
            says_on = says_on or bool({sentence.word(match.first), sentence.stem(match.first)} & _SAYS_ON)
            if match.meaning < 0:
                turns, reach = turns + 1, at
        return reach, turns, says_on

    def _is_adjective(self, sentence: Sentence, at: int) -> bool:
        """Whether a word that nothing explains stands between a modifier and what it modifies."""
        if sentence.kind(at) is not Kind.WORD or sentence.is_taken(at) or sentence.stem(at) in self._joins | _SMALL:
            return False
        return self._modifier(sentence, at, -1) is not None

    def _modifier(self, sentence: Sentence, at: int, way: int) -> Match[int] | None:
        """The longest modifier that ends, or begins, here."""
        if way > 0:
            return self._modifiers.at(sentence, at) if self._may_follow(sentence, at) else None
        for length in (4, 3, 2, 1):
            match = self._modifiers.at(sentence, at - length) if at >= length else None
            if match and match.end == at:
                return match
        return None

    def _may_follow(self, sentence: Sentence, at: int) -> bool:
        """Words after a topic belong to it only when they can: not `AutoML with 20 trials`."""
        if sentence.word(at) == "to":
            return sentence.word(at + 1) in {"be", "stay", "remain"}
        return sentence.word(at) not in {"with", "for", "in", "at", "to", "run", "mit", "no", "without", "ohne", "用", "do", "make", "keine", "kein"}

    def _imperative(self, sentence: Sentence, topic: Match[bool]) -> Said | None:
        """`Tune the pose classifier`: a verb that asks for a search."""
        at = topic.first
        is_head = at == 0 or sentence.kind(at - 1) is not Kind.WORD or sentence.word(at - 1) in {"please", "and", "then", "to", "now", "bitte"}
        if sentence.word(at) in {"tune", "sweep", "autotune"} and is_head and sentence.kind(at + 1) is Kind.WORD:
            return Said("policy", AutomlPolicy.ON, at, at + 1)
        return None

    def _joined(self, sentence: Sentence, topic: Match[bool]) -> Said | None:
        """A topic that hangs on an earlier one: `no AutoML or HPO`."""
        at = topic.first - 1
        if sentence.word(at) not in {*self._joins, "/", ",", "&"}:
            return None
        for back in (2, 3):  # "turn off wandb and AutoML"
            match = self._modifier(sentence, at - back + 1, -1)
            if match and match.meaning < 0 and sentence.word(at) in self._joins:
                return Said("policy", AutomlPolicy.OFF, topic.first, topic.end)
        before = next((m for m in self._topics.find(sentence) if m.end == at), None)
        said = self._policy(sentence, before) if before else None
        return None if said is None else Said("policy", said.value, topic.first, topic.end)

    def _flat(self, sentence: Sentence, match: Match[bool], policy: AutomlPolicy) -> Said:
        """A phrase that has a meaning of its own, turned around by a `not` before it."""
        first, turns, _ = self._modified(sentence, match.first, -1)
        if turns % 2:
            policy = AutomlPolicy.ON if policy is AutomlPolicy.OFF else AutomlPolicy.OFF
        return Said("policy", policy, first if turns else match.first, match.end)

    def _by_pronoun(self, sentence: Sentence) -> list[Said]:
        """`The search took forever, so skip it`: what `it` stands for was said before."""
        topics = [match.end for match in self._topics.find(sentence)]
        return [
            replace(self._flat(sentence, match, match.meaning), slot="pronoun")
            for match in self._pronouns.find(sentence)
            if any(end <= match.first for end in topics) and self._closes(sentence, match.end)
        ]

    def _closes(self, sentence: Sentence, at: int) -> bool:
        """Whether a phrase with a pronoun ends here: not `keep it simple`."""
        after = {"on", "in", "off", "please", "too", "then", "and", "but", "enabled", "this", "here", "again", "for", "with", "bitte", "train"}
        return sentence.kind(at) is not Kind.WORD or sentence.word(at) in after

    def _plain_trainings(self, sentence: Sentence) -> list[Said]:
        found = []
        for match in self._plain.find(sentence):
            at = match.end
            if sentence.kind(at) is Kind.COMMA and sentence.word(at + 1) in {"single", "plain", "direct", "simple"}:
                at += 2
            while sentence.word(at) in {"old", "and", "simple", "single", "plain", "direct", "的", "地", "pose", "ordinary", "quick", "normal", "straightforward", "stgcn", "st", "gcn", "centerpose", "model"}:
                at += 1
            training = self._training.at(sentence, at)
            if training is None or (sentence.word(match.first) in {"one", "usual", "一"} and at == match.end and training.end - training.first == 1 and sentence.word(at) not in {"training", "fit"}):
                continue
            flat = self._flat(sentence, Match(match.first, training.end, True), AutomlPolicy.OFF)
            found.append(replace(flat, slot="plain"))
        return found
