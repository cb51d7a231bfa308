"""The report as a browser gets it: whole, valid, self-contained, and safe with any name."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from skillbank_runners.api import Artefact, ArtefactKind, Run, describe_file
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.training.classification_metrics import classification_metrics
from skillbank_runners.training.report import (
    ClipSet,
    OnnxFacts,
    ReportContent,
    RunFacts,
    Selection,
    choose_clips,
    count_predictions,
    data_source,
    spec_changes,
    training_history,
    write_report,
)

HOSTILE = "<script>alert('x')</script>\"&$\\alpha$"
CLASSES = ("walking", HOSTILE, "跳跃", "a class with a name that goes on and on and on and on")
VOID = {"meta", "br", "link", "img", "input", "hr"}
FACTS = RunFacts("pose_classification", "train", device="cpu (2 threads)", duration_s=81.0, seed=7)


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]


class Page(HTMLParser):
    """Elements in order, visible text, and every place where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.words: list[str] = []
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"never closed: {tag}" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()} closes nothing")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, *tags: str) -> Iterator[Element]:
        return (element for element in self.elements if element.tag in tags)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    tmp_path = tmp_path_factory.mktemp("results")
    run = Run(tmp_path, action="train")
    checkpoint = tmp_path / "model_epoch_001_step_00018.pth"
    checkpoint.write_bytes(b"weights")
    entry = describe_file(checkpoint, tmp_path, ArtefactKind.CHECKPOINT)
    run.record(replace(entry, epoch=1, step=18, metrics={"val_loss": 0.4}))
    for epoch, loss in enumerate([0.9, 0.4, 0.6]):
        kpi = {"train_loss": loss - 0.1, "val_loss": loss, "val_acc": 1 - loss, "lr": 0.1}
        run.report("epoch done", kpi=kpi, epoch=epoch, max_epoch=3)
    return run


@pytest.fixture(scope="module")
def full(run: Run) -> ReportContent:
    """Everything that a report can show, with names that try to break out of it."""
    data = run.results / "data.npy"
    data.write_bytes(b"clips")
    rng = np.random.default_rng(3)
    scores_NC, labels_N = rng.normal(size=(12, 4)), rng.integers(0, 3, 12)
    values_NCTVM = rng.normal(size=(12, 3, 20, 17, 1)).astype(np.float16)
    clips = ClipSet(values_NCTVM, [f"{HOSTILE} {n}" for n in range(12)], CLASSES)
    return ReportContent(
        facts=replace(FACTS, command="launch train 'results_dir=<b>here</b>'"),
        changes=spec_changes({"train": {"num_epochs": 3}}, {"train": {"num_epochs": 10}}),
        data=[data_source("dataset.train_dataset.data_path", data, "12 x 3 x 20 x 17 x 1")],
        notes=["no GPU here: trained on the CPU"],
        history=training_history(run.results / "status.json"),
        metrics=classification_metrics(torch.tensor(scores_NC), torch.tensor(labels_N), CLASSES),
        predictions=count_predictions(scores_NC, CLASSES),
        clips=choose_clips(clips, scores_NC, labels_N, limit=5),
        layout=load_layout("human3.6m"),
        onnx=OnnxFacts("model.onnx", 17, "input (batch, 3)", "fc_pred (batch, 4)", 8, 2e-6, 1e-4),
    )


@pytest.fixture(scope="module")
def page(run: Run, full: ReportContent) -> Page:
    return page_of(run, full)


def page_of(run: Run, content: ReportContent) -> Page:
    return Page(write_report(run, content).read_text(encoding="utf-8"))


def test_the_report_is_written_and_recorded(run: Run, full: ReportContent) -> None:
    path = write_report(run, full)

    recorded: list[Artefact] = [a for a in run.artefacts() if a.kind is ArtefactKind.REPORT]
    assert path == run.results / "report.html"
    assert recorded == [describe_file(path, run.results, ArtefactKind.REPORT)]
    assert [p.name for p in run.results.glob(".*")] == []


def test_nothing_is_fetched_and_no_script_runs(page: Page) -> None:
    links = [
        value
        for element in page.elements
        for name, value in element.attributes.items()
        if name in {"src", "href", "xlink:href", "srcset", "data", "action", "poster"}
    ]
    styles = [element.attributes.get("style", "") for element in page.elements]
    assert links, "the report links to the files beside it"
    assert not [link for link in links if re.match(r"[a-z]+:|//", link)]
    assert not list(page.all("script", "iframe", "object", "embed", "base", "link"))
    assert not [e for e in page.elements if any(name.startswith("on") for name in e.attributes)]
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)", page.text + " ".join(styles))


def test_a_browser_is_told_to_fetch_nothing(page: Page) -> None:
    policies = [
        meta.attributes["content"]
        for meta in page.all("meta")
        if meta.attributes.get("http-equiv") == "Content-Security-Policy"
    ]

    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_names_from_users_stay_text(page: Page) -> None:
    assert HOSTILE in page.text
    assert "跳跃" in page.text
    assert "results_dir=<b>here</b>" in page.text


def test_tags_match_and_ids_are_unique(page: Page) -> None:
    ids = Counter(
        element.attributes["id"] for element in page.elements if "id" in element.attributes
    )
    used = {
        name
        for element in page.elements
        for value in element.attributes.values()
        for name in re.findall(r"^#(.+)|url\(#([^)]+)\)", value)
    }
    assert page.faults == []
    assert [name for name, count in ids.items() if count > 1] == []
    assert {first or second for first, second in used} <= set(ids)


def test_headings_descend_and_every_picture_has_a_text(page: Page) -> None:
    levels = [int(element.tag[1]) for element in page.all("h1", "h2", "h3", "h4")]
    labels = [element.attributes.get("aria-label", "") for element in page.all("svg")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(labels) == 3 + 1 + 1 + 5  # curves, confusion, predictions, clips
    assert all(labels)


def test_the_reader_finds_what_ran(page: Page) -> None:
    text = page.text

    assert "pose_classification train" in text
    assert "SUCCESS · seed 7 · cpu (2 threads) · 1 min 21 s" in text
    assert "train.num_epochs 10 3" in text
    assert "dataset.train_dataset.data_path" in text
    assert "no GPU here: trained on the CPU" in text
    assert "torch " + torch.__version__ in text
    assert "checkpoint model_epoch_001_step_00018.pth val_loss 0.4000" in text


def test_the_best_epoch_is_named_and_marked(page: Page) -> None:
    assert "Best epoch by val_loss (lowest): 1 , at 0.4000" in page.text
    assert sum("val_loss 0.6" in e.attributes.get("aria-label", "") for e in page.all("svg")) == 1


def test_the_best_epoch_follows_the_selection(run: Run, full: ReportContent) -> None:
    highest = replace(full, selection=Selection("val_loss", minimize=False))

    assert "Best epoch by val_loss (highest): 0 , at 0.9000" in page_of(run, highest).text


def test_per_class_numbers_are_those_of_the_metrics(page: Page, full: ReportContent) -> None:
    text = page.text

    assert full.metrics is not None
    row = full.metrics.classes[0]
    assert row.accuracy is not None
    assert f"walking {row.support} {row.correct} {100 * row.accuracy:.1f} %" in text
    assert f"No clips of {CLASSES[3]}" in text


@pytest.mark.parametrize(
    ("difference", "sentence"),
    [
        (2e-6, "The ONNX file computes what the checkpoint computes."),
        (2e-3, "The ONNX file does not compute what the checkpoint computes."),
    ],
)
def test_the_verdict_on_the_export_follows_the_numbers(
    run: Run, difference: float, sentence: str
) -> None:
    onnx = OnnxFacts("model.onnx", 17, "input", "fc_pred", 8, difference, 1e-4)

    assert sentence in page_of(run, ReportContent(FACTS, onnx=onnx)).text


def test_a_report_of_the_facts_alone_has_no_empty_section(run: Run) -> None:
    page = page_of(run, ReportContent(FACTS))

    headings = [e.tag for e in page.all("h2")]
    assert page.faults == []
    assert len(headings) == 1
    assert "What ran" in page.text


def test_sixty_classes_and_two_hundred_epochs_stay_small(tmp_path: Path) -> None:
    # Over 1 s: it draws the largest charts that occur.
    names = [f"action {i}" for i in range(60)]
    rng = np.random.default_rng(0)
    scores_NC, labels_N = rng.normal(size=(600, 60)), rng.integers(0, 60, 600)
    values_NCTVM = rng.normal(size=(600, 3, 30, 25, 2)).astype(np.float16)
    run = Run(tmp_path, action="train")
    for epoch in range(200):
        kpi = {"train_loss": 1.0, "val_loss": 2.0, "train_acc": 0.5, "val_acc": 0.4}
        run.report("epoch done", kpi=kpi, epoch=epoch)
    content = ReportContent(
        FACTS,
        history=training_history(run.results / "status.json"),
        metrics=classification_metrics(torch.tensor(scores_NC), torch.tensor(labels_N), names),
        clips=choose_clips(ClipSet(values_NCTVM, names * 10, names), scores_NC, labels_N),
        layout=load_layout("ntu-rgb+d"),
    )

    assert write_report(run, content).stat().st_size < 1_500_000


def test_the_same_content_gives_the_same_page(run: Run, full: ReportContent) -> None:
    first = write_report(run, full).read_bytes()

    assert write_report(run, full).read_bytes() == first


def test_a_failed_rendering_leaves_the_old_report(run: Run, full: ReportContent) -> None:
    path = write_report(run, full)
    before = path.read_bytes()
    broken = replace(full, metrics=replace(full.metrics, interval=None))  # type: ignore[arg-type]

    with pytest.raises(AttributeError):
        write_report(run, broken)

    assert path.read_bytes() == before
    assert json.loads((run.results / "artefacts.json").read_text())["artefacts"]


def test_a_dollar_sign_in_a_name_is_no_formula(tmp_path: Path) -> None:
    names = ("$\\frac{a}$", "b$")
    content = ReportContent(FACTS, predictions=dict.fromkeys(names, 1))

    page = page_of(Run(tmp_path), content)

    assert all(name in page.text for name in names)
