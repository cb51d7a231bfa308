"""The page that shows a search: whole, on its own, and proof against what stands in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from tests.sdk.search.searches import (
    SEARCH,
    SKILL,
    SPACE,
    make_failed_search,
    make_pareto_search,
    make_running_search,
    make_search,
    summarize,
)

from skillbank.automl.space import SearchSpace, Unsearchable
from skillbank.search.report import write_report

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}"


class Page(HTMLParser):
    """What a browser would find in a page: texts, elements, scripts, figures."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.attributes = []
        self.texts = []
        self.scripts = []
        self.figures = {}
        self._figure = None
        self._is_script = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *each) for each in attrs]
        found = dict(attrs)
        self._is_script = tag == "script"
        self._figure = found.get("id") if found.get("type") == "application/json" else None

    def handle_endtag(self, tag):
        self._is_script = self._is_script and tag != "script"

    def handle_data(self, data):
        if self._figure and self._is_script:
            self.figures[self._figure] = json.loads(data)
        elif self._is_script:
            self.scripts.append(data)
        else:
            self.texts.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.texts).split())


def write(tmp_path, result, space=SPACE):
    path = tmp_path / SEARCH / "results" / "report.html"
    path.parent.mkdir(parents=True)
    write_report(path, result, space)
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]
    return Page(path.read_text(encoding="utf-8"))


def test_the_head_tells_best_baseline_final_evaluation_and_gain(tmp_path):
    words = write(tmp_path, make_search(20)).words

    assert f"{SKILL} search" in words
    assert "best val_loss 0.5524 trial 8, 27 epochs" in words
    assert "baseline val_loss 0.571" in words
    assert "gain in val_loss +0.0186 +3.3 %, relative" in words
    assert "final evaluation, val_acc 0.906 baseline 0.844" in words
    assert "trials 21 4 complete, 16 pruned, 1 failed" in words


def test_the_page_asks_nothing_of_a_network(tmp_path):
    page = write(tmp_path, make_search(6))

    loading = {"src", "href", "srcset", "action", "data"}
    assert [each for each in page.attributes if each[1] in loading] == []
    assert "link" not in page.tags
    assert "iframe" not in page.tags


def test_only_its_own_two_scripts_may_run(tmp_path):
    page = write(tmp_path, make_search(6))

    policies = [value for _, name, value in page.attributes if "default-src" in (value or "")]
    allowed = re.findall(r"'sha256-([^']+)'", policies[0])
    digests = [hashlib.sha256(script.encode()).digest() for script in page.scripts]
    assert "unsafe-inline" not in policies[0].partition("script-src")[2]
    assert allowed == [base64.b64encode(digest).decode() for digest in digests]
    assert len(allowed) == 2


def test_every_chart_has_its_figure_and_says_what_it_shows(tmp_path):
    page = write(tmp_path, make_pareto_search())

    places = [value for _, name, value in page.attributes if name == "data-figure"]
    labels = [value for _, name, value in page.attributes if name == "aria-label"]
    assert places == list(page.figures)
    assert {"figure-history", "figure-curves", "figure-importance"} <= set(places)
    assert {"figure-pareto-1", "figure-parallel", "figure-slice-0"} <= set(places)
    assert len(labels) == len(places)
    assert all(labels)


# The page of 200 trials has 7 MB and takes 2 s to write and read.
@pytest.mark.parametrize(
    "result",
    [
        make_search(0),
        make_search(1),
        make_search(200),
        make_failed_search(),
        make_running_search(),
        summarize((), 20),
    ],
    ids=["baseline only", "one", "200", "all failed", "running", "not begun"],
)
def test_any_search_has_a_page_with_a_row_per_trial(result, tmp_path):
    page = write(tmp_path, result)

    rows = [record.job_id for record in result.history]
    assert [text for text in page.texts if text in rows] == rows


def test_without_any_result_the_page_says_so_and_draws_nothing(tmp_path):
    page = write(tmp_path, make_failed_search())

    assert page.figures == {}
    assert "No trial has a result" in page.words
    assert "Not known: it needs the results of 5 trials; so far there are 0." in page.words
    assert "out_of_memory: CUDA ran out of memory" in page.words


def test_what_stands_in_a_search_stays_text(tmp_path):
    done = make_search(6)
    evil = {"reason": EVIL, "failure_reason": EVIL, "origin": EVIL, "adjustments": (EVIL,)}
    specs = {"train.optim.optimizer_type": EVIL}
    history = tuple(
        record.model_copy(update={**evil, "specs": {**record.specs, **specs}})
        for record in done.history
    )
    result = summarize(history, 6, algorithm_reason=EVIL, stop_reason=EVIL, metric=EVIL)

    page = write(tmp_path, result)

    assert len(page.scripts) == 2
    assert "img" not in page.tags
    assert EVIL in page.words
    assert "49" not in page.words.partition("Notes")[2].partition("History")[0]
    for figure in page.figures.values():
        assert "<img" not in json.dumps(figure)


def test_the_best_trials_changes_stand_beside_what_they_replace(tmp_path):
    result = make_search(20)

    words = write(tmp_path, result).words

    assert "Trial 8 differs from the spec that was tuned in:" in words
    assert "train.optim.optimizer_type torch.optim.SGD torch.optim.AdamW" in words
    assert "dataset.scale [0.9, 1.1] [0.694, 1.236]" in words


def test_the_page_says_how_to_use_the_best_checkpoint(tmp_path):
    words = write(tmp_path, make_search(20)).words

    assert f"skillbank run {SKILL} evaluate --parent {SEARCH}" in words
    assert "model_epoch_026_step_00486.pth" in words


def test_every_goal_of_a_search_is_named_at_the_head(tmp_path):
    words = write(tmp_path, make_pareto_search()).words

    assert "nsga2 · val_acc, higher is better · latency_ms, lower is better" in words


def test_a_running_search_says_that_it_runs(tmp_path):
    words = write(tmp_path, make_running_search()).words

    assert "The search is still running" in words
    assert f"skillbank wait {SEARCH}" in words
    assert "evaluate --parent" not in words


def test_parameters_that_were_asked_for_and_not_searched_are_named(tmp_path):
    space = SearchSpace(
        SPACE.parameters,
        SPACE.base,
        (
            Unsearchable("train.seed", "it is no setting of the training", was_asked_for=True),
            Unsearchable("train.num_gpus", "disabled by the schema"),
        ),
    )

    words = write(tmp_path, make_search(6), space).words

    assert "train.seed : it is no setting of the training" in words
    assert "train.num_gpus" not in words


def test_a_report_replaces_the_one_before(tmp_path):
    path = tmp_path / SEARCH / "results" / "report.html"
    path.parent.mkdir(parents=True)

    write_report(path, make_running_search(), SPACE)
    write_report(path, make_search(20), SPACE)

    assert "still running" not in Page(path.read_text(encoding="utf-8")).words
