"""What people say for the things that every skill shares; one phrase per `|`.

A skill's own words come from its folder (`bank_words`); nothing here names a skill.
"""

from __future__ import annotations


def phrases(table: str) -> list[str]:
    """The phrases of a table."""
    return [one.strip() for one in table.replace("\n", "|").split("|") if one.strip()]


ACTIONS = {
    "train": """
        train|training|retrain|retraining|fine tune|fine tuning|finetune|finetuning|teach|fit|to fit
        training run|training job|run a training|start a training|start training|launch training|kick off a training
        learn to|model fitting|trainiere|trainieren|trainier|trainiert|trainiere mir|anlernen|feintunen|nachtrainieren
        训练|微调|entrena|entrenar|entraîne|entraîner""",
    "evaluate": """
        evaluate|evaluating|evaluation|eval|evaluates|assess|benchmark|score it|measure the accuracy|measure accuracy
        how accurate|how good|how well|how precise|what accuracy|what is the accuracy|what's the accuracy|accuracy of
        confusion matrix|check the accuracy|check accuracy|check how accurate|check how good|check how well|test it
        test the|test my|test this|test that|test on|test against|testing|test job|test|compute metrics|compute the metrics
        get the metrics|get metrics|measure how|measure it|measure the|report the accuracy|report accuracy|the accuracy
        test accuracy|validate it|validate the|validate my|per class accuracy|how does it do|how does it perform
        how does my|how did it do|what's its accuracy|run evaluation|run an evaluation|give me the accuracy|score the|score my
        its accuracy|top 1|top-1|f1 score|precision and recall|performance of|run the test|run a test
        evaluiere|evaluieren|bewerte|bewerten|teste|testen|auswerten|werte|wie genau|wie gut|auswertung
        评估|测试|评测|验证|准确率|精度|多准|有多准""",
    "inference": """
        inference|infer|predict|predicting|prediction|predictions|run inference|do inference|label every|label each|label all
        run the model on|run it on|apply it to|apply the model|apply the|what action|which action|what actions
        which actions|what gesture|which gesture|what gestures|which gestures|what activity|which activity|what activities
        what is happening in|what is happening at|what's happening in|what is going on|what's going on|what does each|what does every|what is each|what is everyone
        what are people doing|what are the people doing|what each person|what every person|what people do|who does what
        what do people do|what is the person|what does the person|name the action|name the actions|name each|name every
        tag every|tag each|vorhersage|vorhersagen|sage|inferenz|推理|预测|推断|识别一下""",
    "export": """
        export|exporting|exported to|onnx|to onnx|as onnx|into onnx|an onnx|onnx file|onnx model|onnx export
        exportiere|exportieren|导出|输出onnx|转成onnx|转换为onnx|exporter|exportar""",
    "gen_trt_engine": """
        tensorrt|tensor rt|trt engine|tensorrt engine|trt|build an engine|build the engine|generate an engine
        generate the engine|engine file""",
    "dataset_convert": """
        convert|converting|conversion|dataset convert|dataset conversion|turn into a data set|turn into a dataset|make arrays
        konvertiere|konvertieren|umwandeln|转换|转成数组""",
    "prune": "prune|pruning|prune it",
    "quantize": "quantize|quantization|quantizing|int8 quantization|quantise",
    "distill": "distill|distillation|knowledge distillation|distilling",
}
"""Action -> what asks for it. An action of a skill that is not here is asked for by its name."""

CLASSIFY = """
classify|classifying|recognize|recognizing|recognise|recognising|identify|identifying|distinguish|distinguishing
tell apart|detect|detecting|spot|spotting|categorize|label|name|estimate|estimating|klassifiziere|klassifizieren
erkenne|erkennen|分类|识别|检测|区分
"""
"""Verbs that say what a model does: a task to train for, or a thing to do with a model that is there."""

BUILD = """
build|create|make|develop|set up|get me|give me|need|want|would like|i'd like|looking for|produce|prepare|design
baue|erstelle|brauche|möchte|will|entwickle|构建|创建|做一个|想要|需要|我要|建一个
"""

MODEL_NOUNS = """
model|models|classifier|classifiers|network|recognizer|recogniser|recogniser|net|neural network|estimator
something|system|ai|detector|modell|klassifikator|netz|netzwerk|erkenner|模型|分类器|网络|识别器
"""

FIELD_NAMES = {
    "lr": "lr|learning rate|learning-rate|learningrate|learn rate|initial learning rate|lernrate|学习率",
    "num_epochs": """epoch|epochs|ep|eps|training epochs|epochen|epoche|number of epochs|num epochs|max epochs|n epochs|full epochs
        passes over the data|passes|轮|个轮次|轮次|个周期|周期|个epoch|epoch数|épocas|époques""",
    "batch_size": """batch size|batchsize|batch|bs|batches of|mini batch size|minibatch size|mini-batch|mini batches of|minibatch|minibatches of
        batch sizes|batchgröße|batch-größe|batchgroesse|batch größe|批大小|批量大小|批次大小|批量|批次""",
    "num_gpus": """gpu|gpus|gpu count|number of gpus|num gpus|graphics card|graphics cards|video cards|cards
        grafikkarte|grafikkarten|块gpu|张gpu|个gpu|块显卡|张显卡|张卡|块卡""",
    "gpu_ids": "gpu ids|gpu id|gpu index|gpu indices|cuda device|cuda devices|gpu number|gpu no",
    "num_nodes": "node|nodes|machines|number of nodes|knoten|个节点",
    "num_workers": "worker|workers|loader workers|data workers|dataloader workers|data loader workers|loading workers|num workers|loading threads",
    "workers": "worker|workers|loader workers|data workers|dataloader workers|data loader workers|num workers",
    "num_classes": """class|classes|num classes|number of classes|action classes|gesture classes|different classes|categories
        action categories|activity classes|different actions|different gestures|action types|klassen|个类别|类别|类|个类|个动作类别""",
    "seed": "seed|random seed|rng seed|zufallszahl|startwert|随机种子|种子",
    "weight_decay": "weight decay|wd|l2|l2 regularization|权重衰减",
    "momentum": "momentum|动量",
    "dropout": "dropout|drop out|dropout rate|dropout ratio|dropout probability",
    "dropout_ratio": "dropout|drop out|dropout rate|dropout ratio|dropout probability",
    "window_size": "window|window size|frame window|frame windows|windows of|window of|window length|窗口",
    "optimizer_type": "optimizer|optimiser|optimizer type|optimierer|优化器",
    "lr_scheduler": "scheduler|schedule|lr scheduler|lr schedule|learning rate schedule|learning rate scheduler|annealing",
    "lr_steps": "lr steps|learning rate steps|decay steps|milestones|lr milestones|drop the learning rate at|steps at|at epochs|decay at epochs|drops at epochs",
    "lr_decay": "lr decay|decay|learning rate decay|decay factor",
    "warmup_epochs": "warmup|warm up|warmup epochs|warm up epochs|epochs of warmup|epochs warmup|epoch warmup",
    "grad_clip": "gradient clipping|clip gradients at|gradient clip|grad clip|grad clipping|clip the gradients at|clip grad|clip gradients to",
    "clip_grad_norm": "gradient clipping|clip gradients at|gradient clip|grad clip|grad clipping|clip the gradients at|clip grad|clip gradients to|clip grad norm",
    "label_smoothing": "label smoothing|smoothed labels",
    "checkpoint_interval": "checkpoint interval|save every|checkpoint every|save a checkpoint every|checkpoints every|save checkpoints every",
    "validation_interval": "validation interval|validate every|validation every|val interval",
    "input_channels": "channels|input channels|channel",
    "graph_layout": "graph layout|layout|skeleton layout|joint layout|skeleton format|skeleton graph|graph|skeleton|skeletons|keypoints|joints|keypoint layout|poses",
    "graph_strategy": "graph strategy|strategy|partition strategy|partitioning",
    "backbone": "backbone|back bone",
    "model_type": "model type|mode|type of model",
    "input_type": "input type",
    "data_type": "precision|data type",
    "precision": "precision",
    "opset_version": "opset|opset version|onnx opset",
    "onnx_file": "onnx file|onnx path",
    "split": "split|split it by|split by|train val split|partition",
    "format": "format|pose format|file format",
    "val_fraction": "validation fraction|val fraction|hold out|validation share",
    "sequence_length": "sequence length|clip length|sequences of",
    "sequence_overlap": "overlap|sequence overlap",
    "max_people": "max people|people|persons",
    "enable": "wandb|weights and biases|weights & biases",
    "top_k": "top k|top",
}
"""Last part of a spec key, the same in many skills -> what people call it."""

SINGLE_CHOICE = frozenset({"lr", "momentum", "weight_decay", "dropout", "seed"})

CONNECTORS = frozenset(
    "of = : should must shall number count to is at as be a an the set equal equals value by use using from with -> sei auf von gleich ist beträgt "
    "为 是 设 到 设置 成 用 改 为 around about exactly roughly only just size rate".split()
)
"""Words between the name of a setting and its value."""

THEN = """
then|and then|after that|afterwards|afterward|next|finally|subsequently|later|once done|once that's done|when done
when that is done|when it's done|when finished|once finished|once trained|once it's trained|lastly|followed by|second|third
first|firstly|secondly|thirdly|danach|dann|anschließend|und dann|zum schluss|schließlich|hinterher
然后|接着|之后|再|最后|随后
"""

CORRECTIONS = """
actually|edit|update|no wait|wait|hold on|scratch that|forget that|sorry|i mean|i meant|correction|oops|on second thought|hm no
hmm no|no actually|actually no|make that|make it|change that|rather|nope|my bad|never mind|nevermind|ignore that|strike that
nein|doch|ich meine|ich meinte|halt|moment|korrektur|besser|不对|等等|等一下|改成|不是|更正|哦不|还是
"""

NOT_ACTION = """
don't|dont|do not|never|no|without|skip|skipping|not|no need to|need not|needn't|omit|leave out|rather than
instead of|nicht|ohne|kein|keine|keinen|不要|不|别|无需|跳过|不用|won't|won't be|stop|before|except|avoid
"""

COMMON = """
i|you|we|it|he|she|they|me|us|my|our|your|its|his|her|their|this|that|these|those|a|an|the|and|or|but|so|if|because|as|of
in|on|at|to|from|for|with|without|by|about|into|onto|over|under|after|before|between|through|during|via|per|within|out|up
down|off|not|no|yes|please|pls|plz|thanks|thank|hi|hello|hey|ok|okay|well|just|only|also|too|very|really|quite|still|now
today|tomorrow|yesterday|tonight|soon|again|already|yet|ever|never|always|maybe|perhaps|can|could|would|should|will|shall
may|might|must|do|does|did|done|doing|be|is|are|was|were|been|being|have|has|had|having|get|got|getting|give|gave|go|going
let|lets|let's|make|made|making|need|needs|needed|want|wants|wanted|like|liked|use|uses|used|using|take|takes|took|put|set
run|runs|running|ran|start|starts|started|starting|begin|launch|kick|try|tried|see|look|show|tell|know|think|help|work|works
working|worked|keep|kept|leave|left|say|said|mean|means|find|found|call|called|new|old|good|better|best|bad|big|small|large
little|more|most|less|least|much|many|few|some|any|all|each|every|both|either|other|another|same|different|such|own|first
second|third|last|latest|next|previous|one|two|three|four|five|six|seven|eight|nine|ten|thing|things|something|anything
everything|nothing|someone|people|person|persons|user|users|team|colleague|boss|there|here|where|when|why|how|what|which|who|whose|than
then|model|models|network|classifier|data|dataset|datasets|set|sets|file|files|folder|folders|directory|path|job|jobs|run|runs
experiment|training|epoch|epochs|gpu|gpus|cpu|machine|computer|laptop|server|quick|quickly|fast|slow|slowly|fresh|scratch
simple|default|defaults|setting|settings|option|options|parameter|parameters|value|values|number|numbers|result|results|output|outputs|input
version|time|times|hour|hours|minute|minutes|day|days|week|weeks|month|year|morning|evening|night|bit|lot|kind|sort|part|way|case
question|request|task|job|project|thing|idea|sure|fine|great|nice|cool|perfect|hope|hopefully|possible|available|ready|right
expert|experts|sports|sport|paper|recorded|recordings|recording|captured|collected|volunteers|subjects|participants|gym|clinic|hospital|lab|office|home|robot
sequence|sequences|frame|frames|clip|clips|sample|samples|example|examples|image|images|photo|photos|picture|pictures|video|videos
sensor|camera|cameras|labels|label|class|classes|categories|category|named|name|names|called|stored|saved|save|store|located|lies|lie|live|lives|sits
full|whole|entire|complete|enough|around|roughly|exactly|approximately|least|maximum|max|minimum|min|up|mode|based|able
report|reports|accuracy|loss|metric|metrics|score|scores|checkpoint|checkpoints|weights|weight|trained|pretrained|pre|recognise|recognize|action|actions
skill|skills|agent|agents|skillbank|tao|nvidia|command|commands|train|evaluate|export|inference|predict|test|eval|onnx|convert|resume|cancel
neural|deep|professor|supervisor|thesis|student|company|customer|client|colleagues|friend|boss|nothing|und|oder|aber|nicht|ein|eine|einen|einem|einer|der|die|das|den|dem|des|auf|mit|für|von|zu|zum|zur|im|in|aus|bei|nach|bitte|ich|du|wir|mein|meine|meinen|meinem|unser|unsere|es|ist|sind|soll|kann|mir|mich|uns|daten|datensatz|modell|ordner|lauf|sie|wie|was|neu|neue|neues|gib|mach|über|lang|lange
"""
