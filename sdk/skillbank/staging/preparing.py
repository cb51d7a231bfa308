"""Before a run: earlier results back, inputs here, and a spec that names them as they lie here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from skillbank.artefacts import newest_whole
from skillbank.bank import SkillBank
from skillbank.documents import parse_yaml
from skillbank.errors import RequestInvalid
from skillbank.files.cache import Cache
from skillbank.files.opening import Stores
from skillbank.job_folder import dump_spec, read_plan
from skillbank.platforms.attempt import write_json
from skillbank.settings import cache_settings
from skillbank.staging.inputs import Inputs, References
from skillbank.staging.log import say
from skillbank.staging.log_merging import LOG_NAME, bring_log, lines_unseen
from skillbank.staging.manifest import MANIFEST_NAME, Manifest
from skillbank.staging.order import ORDER_FILE, StagedOrder, has_staged_inputs
from skillbank.staging.outbox import restore
from skillbank.staging.rebasing import rebase
from skillbank.staging.restoring import is_same, read_manifest
from skillbank.staging.resuming import write_resumed_spec

ORDERED_FILES = ("plan.json", "spec.yaml")
"""What the submitter decides for each attempt, and no earlier one may bring back."""


def restore_folder(order: StagedOrder, folder: Path, stores: Stores) -> None:
    """Bring back what earlier attempts left, where this folder does not hold it already.

    A folder that this machine shares with the submitter is whole, but for one that was only
    mirrored here from a results URI, as `manifest.json` in it tells, and for one whose job went on
    elsewhere meanwhile.
    """
    mirrored = folder / MANIFEST_NAME
    is_whole = order.is_shared and not mirrored.is_file()
    if not order.results_uri or (is_whole and not _went_on_elsewhere(order, folder, stores)):
        return
    kept = {*ORDERED_FILES, LOG_NAME}
    if order.is_shared:
        attempt = _attempt(order, folder)
        own = {f"attempts/{order.attempt}/{path.name}" for path in attempt.iterdir()}
        _restore_log(order, folder, stores, restore(order.results_uri, stores, folder, kept | own))
    else:
        _restore_log(order, folder, stores, restore(order.results_uri, stores, folder, kept))
        store, base = stores.of(order.results_uri), _attempt_uri(order)
        for name in ORDERED_FILES:
            (folder / name).write_bytes(store.read(f"{base}/{name}"))
    mirrored.unlink(missing_ok=True)
    (folder / "results").mkdir(exist_ok=True)


def _restore_log(
    order: StagedOrder, folder: Path, stores: Stores, manifest: Manifest | None
) -> None:
    """Bring what earlier attempts printed elsewhere; what was printed here stays too."""
    if manifest is None or LOG_NAME not in manifest.files:
        return
    log, store = folder / LOG_NAME, stores.of(order.results_uri)
    where = f"{order.results_uri}/{manifest.key_of(LOG_NAME)}"
    if not order.is_lock_held:
        bring_log(store, where, log)
        return
    # Somebody writes it already: what is missing can only be told now.
    unseen = lines_unseen(log.read_bytes() if log.is_file() else b"", store.read(where))
    if unseen:
        say(unseen.decode(errors="replace").rstrip("\n"))


def prepare_command(order: StagedOrder, folder: Path, stores: Stores) -> list[str]:
    """The order's command with every path as it is here; its inputs are here when this returns.

    Raises:
        FilesError: An input cannot be brought.
        RequestInvalid: An input is no such thing.
    """
    ordered = f"{order.folder}/spec.yaml"
    command = rebase(list(order.command), Path(order.folder), folder)
    if ordered not in order.command:
        return command
    spec = _attempt(order, folder) / "spec.yaml"
    has_begun = newest_whole(folder / "results") is not None
    if not (has_begun and write_resumed_spec(folder, spec)):
        spec.write_bytes((folder / "spec.yaml").read_bytes())
    content = parse_yaml(spec.read_text(encoding="utf-8"), str(spec), error=RequestInvalid)
    content = rebase(content, Path(order.folder), folder)
    if has_staged_inputs(content):
        root = folder.parents[1] if order.is_shared else None
        content, records = _localise(content, folder, root, stores)
        write_json(spec.with_name("inputs.json"), {"inputs": records})
    spec.write_text(dump_spec(content), encoding="utf-8")
    return [str(spec) if one == str(folder / "spec.yaml") else one for one in command]


def _localise(
    content: dict[str, Any], folder: Path, root: Path | None, stores: Stores
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    kept = cache_settings(root)
    cache = Cache(kept.folder, stores, max_bytes=kept.max_bytes)
    found, records = Inputs(cache, say).localise(content, _references(folder))
    return found, [asdict(record) for record in records]


def _references(folder: Path) -> References | None:
    """What the skill says of its inputs; None where this machine does not know it."""
    plan = read_plan(folder)
    bank = SkillBank()
    if plan.skill not in bank:
        return None
    look: Callable[[str], Any] = bank[plan.skill].info.actions[plan.action].inputs.get
    return look


def _went_on_elsewhere(order: StagedOrder, folder: Path, stores: Stores) -> bool:
    """Whether the newest attempt that left results there was none of this folder."""
    if order.attempt == 1:
        return False
    manifest = read_manifest(stores.of(order.results_uri), order.results_uri)
    newest = "" if manifest is None else f"attempts/{manifest.attempt}/{ORDER_FILE}"
    if manifest is None or newest not in manifest.files:
        return False
    own = folder / newest
    return not (own.is_file() and is_same(own, manifest.files[newest]))


def _attempt(order: StagedOrder, folder: Path) -> Path:
    return folder / "attempts" / str(order.attempt)


def _attempt_uri(order: StagedOrder) -> str:
    return f"{order.results_uri}/attempts/{order.attempt}"
