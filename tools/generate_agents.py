"""Tables of docs/agents.md: where agents look, and how many tokens each page costs its reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from generate_pages import fill_blocks, table
from generate_skills import Files
from skillbank.install import AGENTS
from skillbank.skill_check.tokens import count_tokens

_ROUNDED_TO = 50  # so that a changed word changes no table


@dataclass(frozen=True)
class Budget:
    """How long the files of one kind may be.

    Attributes:
        what: The kind, in a word or two.
        patterns: Where its files are, below the repository.
        max_tokens: Of one file.
        read: When an agent reads one.
    """

    what: str
    patterns: tuple[str, ...]
    max_tokens: int
    read: str

    def files(self, root: Path, generated: Iterable[Path] = ()) -> list[Path]:
        """The files of this kind that there are, or are generated and not there yet."""
        found = {path for pattern in self.patterns for path in root.glob(pattern)}
        found |= {
            path for path in generated if any(map(path.relative_to(root).match, self.patterns))
        }
        return sorted(found)


BUDGETS = (
    Budget("AGENTS.md", ("AGENTS.md",), 800, "always, in this repository"),
    Budget("the skill of the plugin", ("plugin/skills/*/SKILL.md",), 1000, "for any request"),
    Budget("a skill", ("skills/*/SKILL.md",), 5000, "when it is chosen"),
    Budget("a reference page", ("skills/*/references/*.md",), 3000, "when the skill says so"),
    Budget(
        "a template or example",
        tuple(f"skills/*/references/{name}.yaml" for name in ("*template*", "train_*")),
        1500,
        "to see all settings at once",
    ),
    Budget(
        "skill_info.yaml",
        ("skills/*/references/skill_info.yaml",),
        8000,
        "seldom: `skillbank show` tells it",
    ),
    Budget(
        "a schema",
        ("skills/*/schemas/*.schema.json",),
        16_000,
        "never whole: `skillbank show SKILL ACTION` tells it",
    ),
)


def agents_page(root: Path, files: Mapping[Path, str]) -> Files:
    """docs/agents.md with its tables made anew; `files` are generated ones, not yet written."""
    page = root / "docs" / "agents.md"
    tables = {
        "places": table(
            ("Agent", "`--agent`", "Skills", "Servers", "With `--user`, in your home"), _places()
        ),
        "tokens": table(("Kind", "Read", "Budget", "Files"), _tokens(root, files)),
    }
    return {page: fill_blocks(page.read_text(encoding="utf-8"), tables, page)}


def _places() -> Iterator[tuple[str, ...]]:
    for name, agent in AGENTS.items():
        here, home = agent.project, agent.user
        yield (
            agent.title,
            f"`{name}`",
            f"`{here.skills}`",
            f"`{here.config}`, `{here.servers}`",
            f"`~/{home.skills}`, `~/{home.config}`",
        )


def _tokens(root: Path, files: Mapping[Path, str]) -> Iterator[tuple[str, ...]]:
    for budget in BUDGETS:
        counts = [(_count(path, files), path) for path in budget.files(root, files)]
        told = "; ".join(f"{_name(path, root)} {count:,}" for count, path in sorted(counts)[::-1])
        yield budget.what, budget.read, f"{budget.max_tokens:,}", told


def _count(path: Path, files: Mapping[Path, str]) -> int:
    text = files[path] if path in files else path.read_text(encoding="utf-8")
    return -(-count_tokens(text) // _ROUNDED_TO) * _ROUNDED_TO


def _name(path: Path, root: Path) -> str:
    """A short name of a file: its skill and what it is there."""
    *folders, file = path.relative_to(root).parts
    skill = folders[-2 if folders[-1] in ("references", "schemas") else -1] if folders else file
    told = file.removesuffix(".schema.json").removeprefix("spec_template_").removesuffix(".yaml")
    is_whole = file in ("AGENTS.md", "SKILL.md", "skill_info.yaml")
    return skill.removeprefix("tao-") + ("" if is_whole else f" {told}")
