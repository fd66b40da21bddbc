"""Running a flow from the command line: Prefect's settings first, then the flow, then the words."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import redirect_stdout
from math import isfinite
from types import NoneType
from typing import TYPE_CHECKING, get_args, get_type_hints

from fakelake.flows.shared_options import BAD_USAGE, FOR_PEOPLE, is_server_gone, print_json
from fakelake.infra.prefect_env import prepare

if TYPE_CHECKING:
    from fakelake.flows.score import ScoreSummary
    from fakelake.tasks.summary import IngestSummary


def run_ingest(
    paths: list[str], lake: str, recipe: str, changes: list[str], dataset: str | None, label: str | None,
    permission: str | None, *, dry_run: bool = False, as_json: bool = False,
) -> int:  # fmt: skip
    """Run the ingest flow, or say what it would do. Returns the exit code."""
    if dry_run:
        prepare()  # a plan asks no server
        from fakelake.flows.ingest import plan

        planned = plan(paths, lake, recipe, parse_changes(changes), dataset)
        print_json(planned) if as_json else print(_plan_words(planned))
        return 0
    summary = ingest_quietly(paths, lake, recipe, changes, dataset, label, permission, quiet=as_json)
    print_json(summary.to_dict()) if as_json else print("\n".join(summary.lines()))
    return summary.exit_code


def ingest_quietly(
    paths: list[str], lake: str, recipe: str, changes: list[str], dataset: str | None, label: str | None = None,
    permission: str | None = None, *, quiet: bool, retry_refused: bool = False,
) -> IngestSummary:  # fmt: skip
    """Run the ingest flow with nothing on stdout; `quiet` shows no progress either."""
    overrides = parse_changes(changes)
    prepare(lake)
    from fakelake.flows.ingest import ingest

    hush_refusals()
    # Ray and Prefect print warnings where they like; stdout is for the answer.
    with redirect_stdout(sys.stderr):
        return ingest(
            paths, lake=lake, recipe=recipe, overrides=overrides, dataset=dataset, label=label, permission=permission,
            retry_refused=retry_refused, quiet=quiet,
        )  # fmt: skip


def score_quietly(
    lake: str, model: str = "detector@champion", dataset: str | None = None, *, dry_run: bool = False, quiet: bool,
    parts: bool = False,
) -> ScoreSummary:  # fmt: skip
    """Run the scoring flow with nothing on stdout; `quiet` shows no progress either."""
    prepare(lake)
    from fakelake.flows.score import score

    hush_refusals()
    with redirect_stdout(sys.stderr):
        return score(lake, model, dataset, dry_run=dry_run, quiet=quiet, parts=parts)


def parse_changes(changes: list[str]) -> dict:
    """`["stride=3", "crop_margin=.3"]` -> `{"stride": 3, "crop_margin": 0.3}`. Raises ValueError."""
    from fakelake.catalog.recipe import Recipe

    known = get_type_hints(Recipe)
    for settled in ("name", "detector_sha256", "bytes_version"):
        del known[settled]
    overrides = {}
    for change in changes:
        name, found, text = change.partition("=")
        if not found or name not in known:
            raise ValueError(f"--set {change}: write setting=value with a setting of {', '.join(sorted(known))}.")
        overrides[name] = _value(change, text, get_args(known[name]) or (known[name],))
    return overrides


def _value(change: str, text: str, kinds: tuple[type, ...]) -> int | float | str | None:
    """Of the setting's own type: 24 and 24.0 have to be one recipe."""
    if NoneType in kinds and text.lower() == "none":
        return None
    kind = kinds[0]
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or (kind is float and not isfinite(value)):
        wanted = {int: "a whole number", float: "a number", str: "a word"}[kind]
        raise ValueError(f"--set {change}: this setting is {wanted}{' or none' if NoneType in kinds else ''}.")
    return value


def _plan_words(planned: dict) -> str:
    lines = [
        f"Would read {planned['to_read']} files ({planned['bytes'] / 1e6:.1f} MB were found) into {planned['lake']}",
        f"already done {planned['already_done']}, still in quarantine {planned['still_quarantined']}, "
        f"passed over {len(planned['passed_over'])}",
        *(f"cannot be tried: {r}" for r in planned["refused"]),
        f"recipe {planned['recipe']} ({planned['recipe_id']})",
    ]
    return "\n".join(lines)


def hush_refusals() -> None:
    """Let Prefect's console leave out the tracebacks of errors that `fail` says in words. Its API still gets them."""
    from prefect.logging.handlers import PrefectConsoleHandler

    for handler in logging.getLogger().handlers:  # Prefect's console listens to all loggers
        if isinstance(handler, PrefectConsoleHandler):
            handler.addFilter(_no_refusal)


def _no_refusal(record: logging.LogRecord) -> bool:
    kind = record.exc_info[0] if record.exc_info else None
    refusal = kind is not None and (kind.__name__ in FOR_PEOPLE | BAD_USAGE or is_server_gone(record.exc_info[1]))
    return not refusal or bool(os.environ.get("FAKELAKE_TRACEBACK"))


def stderr(text: str) -> None:
    """A line for people that is not the command's answer."""
    print(text, file=sys.stderr)
