r"""The patterns of tokens, in the order in which they are tried; marks beyond ASCII by their codes.

Full width: \uff0c comma, \uff1b semicolon, \uff1a colon, \uff01 and \uff1f exclamation and
question mark. Others: \u2019 apostrophe, \u2212 minus, \u00d7 times.
"""

from __future__ import annotations

import re

FILE_ENDINGS = (
    "npy|npz|pkl|pickle|json|jsonl|csv|tsv|txt|pth|pt|ckpt|tlt|hdf5|h5|onnx|engine|trt|plan|yaml|yml"
    "|mp4|avi|mov|mkv|webm|m4v|bvh|skeleton|zip|tar|tar\\.gz|tgz|mat|c3d|jpg|jpeg|png"
)
_OPTIONS = (
    "automl-policy|automl|data|parent|checkpoint|base-checkpoint|platform|spec|e|root|skill|action"
)
_VALUE = (
    r"\"[^\"\n]*\"|'[^'\n]*'|\[[^\]\n]*\]|\{[^}\n]*\}"
    r"|[^\s,;\uff0c\uff1b。]+(?:,(?=\d)[^\s,;]+)*"
)
_JOBS = "train|evaluate|inference|export|pose|dataset-convert|automl|search|workflow|job|run"
_ID_LETTERS = "2-9bcdfghjkmnpqrstvwxz"  # as ids are drawn from: no vowels, so never a word
_FOLDERS = (
    "data|datasets?|runs|results|out|output|clips|videos|models|weights|checkpoints|exp|experiments"
    "|home|tmp|mnt"
)
_NO_FOLDERS = "cpu|gpu|and|or|on|off|train|val|rgb|evaluate|export|yes|no"
_NAME = r"[A-Za-z0-9_.+-]"  # of a file or folder, as far as it needs no quotes
CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LETTER = rf"[^\W{CJK}]"  # or digit; Chinese signs may stand right beside a number
_PATTERNS = (
    (
        "quoted",
        r"\"[^\"\n]{1,300}\"|`[^`\n]{1,300}`|“[^”\n]{1,300}”|«[^»\n]{1,300}»"
        r"|(?<!\w)'[^'\n]{1,300}'(?!\w)",
    ),
    ("uri", r"[A-Za-z][A-Za-z0-9+.-]*://[^\s,;\uff0c\uff1b。\"')\]]+"),
    ("option", rf"--?(?:{_OPTIONS})(?:\s*=\s*|\s+)(?:{_VALUE})"),
    (
        "assignment",
        r"\b(?:auto[_-]?ml(?:[ _-]policy|[ _-]enabled)?|hpo)\s*:\s*"
        r"(?:on|off|auto|true|false|yes|no)\b",
    ),
    ("assignment", rf"(?:--(?:automl-)?set\s+)?[A-Za-z_][\w.\-]*\s*:?=\s*(?:{_VALUE})"),
    (
        "path",
        r"(?<![A-Za-z0-9_/])(?:~|\.{1,2})?/"
        rf"[^\s,;:!?\"'`)\]\uff0c。\uff1b\uff1a\uff01\uff1f、{CJK}]+",
    ),
    ("path", r"\b[A-Za-z]:\\[^\s,;\"'`)]+"),
    ("path", rf"(?<!{_NAME})(?:{_NAME}+/)*[*A-Za-z0-9_.+-]+\.(?:{FILE_ENDINGS})(?![A-Za-z0-9_/])"),
    ("path", rf"(?<!{_NAME}){_NAME}+(?:/{_NAME}+){{2,}}/?"),
    # A folder in a folder: said where a place stands, or with what no two words have between them.
    (
        "path",
        r"(?:(?<=\bon )|(?<=\bin )|(?<=\bat )|(?<=\bfrom )|(?<=\bunder )|(?<=\bto )|(?<=\bauf ))"
        rf"(?!(?:{_NO_FOLDERS})/|\d+/\d+\b){_NAME}+/{_NAME}*[A-Za-z0-9_]/?(?![A-Za-z0-9_/])",
    ),
    ("path", rf"(?<!{_NAME})(?=[A-Za-z0-9.+/-]*_){_NAME}+/{_NAME}*[A-Za-z0-9_]/?(?![A-Za-z0-9_/])"),
    ("ending", rf"(?<=\s)\.(?:{FILE_ENDINGS})\b"),
    ("path", rf"(?<!{_NAME})(?:{_FOLDERS})/[\w.+*/-]*\w/?"),
    ("job", rf"\b(?:{_JOBS})-(?=[a-z]*\d)[a-z0-9]{{4,}}\b"),
    ("job", rf"\b(?:{_JOBS})-[{_ID_LETTERS}]{{8}}\b"),  # one in sixteen ids has no digit
    ("number", r"(?<![\w.])(?:\d+(?:\.\d+)?\s?[x\u00d7*]\s?)?10\^[-\u2212]?\d+"),
    (
        "number",
        rf"(?<!{_LETTER})(?<!\.)[-\u2212]?(?:\d{{1,3}}(?:,\d{{3}})+(?!\d)|\d+[.,]\d+|\d+|\.\d+)"
        rf"(?:[eE][-+\u2212]?\d+)?(?!{_LETTER}|[.,]\d)%?",
    ),
    ("short", r"\bw/o?(?![A-Za-z0-9])"),
    ("cjk", rf"[{CJK}]"),
    ("key", r"(?!e\.g|i\.e|z\.b|d\.h)[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+"),
    ("word", rf"(?:(?![{CJK}])\w)+(?:[-.+'\u2019](?:(?![{CJK}])\w)+)*"),
    ("stop", r"[.!?;。\uff01\uff1f\uff1b\n]+"),
    ("comma", r"[,\uff0c、]"),
    ("mark", r"[^\s]"),
)
TOKEN = re.compile(
    "|".join(f"(?P<{name}{index}>{pattern})" for index, (name, pattern) in enumerate(_PATTERNS))
)
"""One token; the name of the group that matched, without its number, says of which kind."""
