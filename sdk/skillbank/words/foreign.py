"""What people ask for that no bank of vision training does, so that it is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from skillbank.words.lexicon import phrases
from skillbank.words.matcher import Match, Phrases, Sentence
from skillbank.words.tokens import Kind


class Foreign(Enum):
    """What is not here."""

    NETWORK = "network"
    TASK = "task"
    DEED = "deed"
    PLATFORM = "platform"
    FORMAT = "format"
    TIME = "time"


_NETWORKS = """
yolo|yolov3|yolov4|yolov5|yolov7|yolov8|yolov9|yolov10|yolov11|yolo11|yolox|ssd|detr|dino|grounding dino|faster rcnn|faster r-cnn|mask rcnn|mask r-cnn
retinanet|efficientdet|resnet|resnet50|resnet18|vgg|vgg16|efficientnet|mobilenet|convnext|densenet|vit|vision transformer|swin|unet|u-net|segformer|sam
segment anything|deeplab|bert|gpt|gpt-2|llama|mistral|llm|language model|chatbot|whisper|wav2vec|tacotron|stable diffusion|diffusion model|gan
lstm|xgboost|random forest|lightgbm|catboost|svm|k-means|linear regression|logistic regression|decision tree|word2vec|t5|clip model|nerf|gaussian splatting
lprnet|peoplenet|facenet|arcface|pointpillars|bevfusion|mask2former|rt-detr|alphapose|hrnet|vitpose|ctr-gcn|posec3d|videomae|slowfast|timesformer|transformer
"""
_TASKS = """
object detection|object detector|detector of|keypoint detector|keypoint detection|pedestrian detection|face detection|face recognition|facial recognition
segmentation|semantic segmentation|instance segmentation|panoptic segmentation|image classification|image classifier|classify images|classify photos
sentiment|sentiment classifier|sentiment analysis|text classification|text classifier|translation|machine translation|speech recognition|speech|speech to text
text to speech|audio|music|ocr|text recognition|license plate|number plate|captioning|image captioning|depth estimation|depth map|super resolution|denoising
image generation|text to image|video generation|generate images|generate motions|generate motion|generate new|style transfer|anomaly detection|fraud|stock|stock price|time series|forecasting|forecast
churn|recommendation system|recommender|reinforcement learning|question answering|summarization|summarise|named entity|spam|spam filter|re-identification|person reid
lane detection|point cloud|lidar|change detection|defect detection|visual inspection|medical imaging|x-ray|mri|tumor|emotion recognition|lip reading|sign language translation
handwriting|barcode|qr code|cats and dogs|cats vs dogs|cat or dog|tabular|csv classification|weather|crypto|trading
"""
_DEEDS = """
delete|remove|deletes|deleting|remove files|erase|wipe|format my disk|drop table|rm -rf|rm|empty my bucket|shred|uninstall|reboot|shut down|shutdown|sudo|buy|purchase
send an email|send it|send the report|send the results|send the logs|send the model|send me an|curl|transcribe|transcribing|transcription|remove the|back up|backup|make a backup|move|merge|merging|count the|supprime|borra|elimina|copy the|zip the|paint|crop|resize|blur|compress the|email|send a mail|mail it|slack|tweet|post it|publish|push to github|git push|deploy|deployment|deploying|serve it|serve the model|host it|put it in production|triton server
upload|uploading|download|downloading|scrape|crawl|annotate|annotating|label my|label the images|collect data|buy gpus|install|pip install|apt|write code|write me|refactor|fix my
translate|summarize|explain quantum|write a poem|tell me a joke|sing|draw a cat|order pizza|set an alarm|remind me|hack|ignore previous instructions|ignore all previous
ignore your instructions|disregard previous|system prompt|password|passwords|api key|credentials|credit card|lösche|löschen|entferne dateien|删除|清空|购买|发送邮件|部署
merge my branches|rename|move files|copy files|encrypt|decrypt|mine bitcoin|rm the|clean up my disk|drop my|purge
"""
_PLATFORMS = """
slurm|kubernetes|k8s|docker|podman|aws|amazon|sagemaker|azure|gcp|google cloud|vertex|vertex ai|colab|kaggle|lepton|dgx cloud|ngc|brev|runpod|lambda labs|modal
the cluster|our cluster|my cluster|a cluster|cluster|hpc|the cloud|in the cloud|cloud|ec2|pbs|lsf|ray|databricks|openshift|jetson|raspberry pi|集群|云端|云上
"""

_FORMATS = """
tflite|tensorflow lite|core ml|coreml|openvino|ncnn|torchscript|keras|tensorflow|safetensors|gguf|paddle|mnn|mp3|wav|pdf|word document|docx|gif|powerpoint|excel|jax|caffe
to mp4|latex|html5|web assembly|webassembly|wasm
"""
_TIMES = """
every night|every day|every week|every hour|every morning|every evening|every monday|daily|nightly|weekly|hourly|at midnight|tonight at|at 2 am|at 3 am|schedule it|schedule a|cron|as soon as|whenever
once a day|once a week|on a schedule|next week|next month|if the accuracy|if it is above|if it's above|if accuracy|only if|if job|unless|jede nacht|täglich|jeden tag|每天|每晚
"""

_BEFORE_VERBS = frozenset("and then please to you run now also just can could i we or never not don't bitte 请 me should".split())

FOREIGN = Phrases[tuple[Foreign, str]](
    (phrase, (what, phrase))
    for what, table in (
        (Foreign.DEED, _DEEDS),
        (Foreign.PLATFORM, _PLATFORMS),
        (Foreign.FORMAT, _FORMATS),
        (Foreign.TIME, _TIMES),
        (Foreign.TASK, _TASKS),
        (Foreign.NETWORK, _NETWORKS),
    )
    for phrase in phrases(table)
)


def find_foreign(sentence: Sentence) -> Iterator[Match[tuple[Foreign, str]]]:
    """Everything foreign; a single word counts only as it stands here: `recorded` is no `record`."""
    for match in FOREIGN.find(sentence, fresh=True):
        if match.end - match.first > 1 or _counts_alone(sentence, match):
            yield match


def _counts_alone(sentence: Sentence, match: Match[tuple[Foreign, str]]) -> bool:
    """Whether one word says it: `recorded` is no `record`, `daily exercises` are no schedule."""
    what, phrase = match.meaning
    word = sentence.word(match.first)
    if not phrase.isascii():
        return True
    if what is Foreign.TIME:
        return word == phrase and sentence.kind(match.end) is not Kind.WORD
    if word.endswith("ed"):
        return False
    return what is not Foreign.DEED or _heads_a_clause(sentence, match.first)


def _heads_a_clause(sentence: Sentence, index: int) -> bool:
    """Whether a verb stands where an imperative does."""
    before = sentence.word(index - 1)
    return index == 0 or sentence.kind(index - 1) is not Kind.WORD or before in _BEFORE_VERBS
