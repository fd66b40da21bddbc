"""Running a flow from the command line: Prefect's settings first, then the flow, then the words."""

from __future__ import annotations

import json
import sys
from dataclasses import fields

from fakelake.infra.prefect_env import prepare


def run_ingest(
    paths: list[str], lake: str, recipe: str, changes: list[str], dataset: str | None, label: str | None,
    permission: str | None, *, dry_run: bool = False, as_json: bool = False, retry_refused: bool = False,
) -> int:  # fmt: skip
    """Run the ingest flow, or say what it would do. Returns the exit code."""
    overrides = parse_changes(changes)
    prepare()
    from fakelake.flows.ingest import ingest, plan

    if dry_run:
        planned = plan(paths, lake, recipe, overrides, dataset)
        print(json.dumps(planned, indent=2, ensure_ascii=False) if as_json else _plan_words(planned))
        return 0
    summary = ingest(
        paths, lake=lake, recipe=recipe, overrides=overrides, dataset=dataset, label=label, permission=permission,
        retry_refused=retry_refused, quiet=as_json,
    )  # fmt: skip
    print(json.dumps(summary.to_dict(), indent=2, ensure_ascii=False) if as_json else "\n".join(summary.lines()))
    return summary.exit_code


def parse_changes(changes: list[str]) -> dict:
    """`["stride=3", "crop_margin=.3"]` -> `{"stride": 3, "crop_margin": 0.3}`. Raises ValueError."""
    from fakelake.catalog.recipe import Recipe

    known = {f.name for f in fields(Recipe)} - {"name", "detector_sha256", "bytes_version"}
    overrides = {}
    for change in changes:
        name, found, text = change.partition("=")
        if not found or name not in known:
            raise ValueError(f"--set {change}: write setting=value with a setting of {', '.join(sorted(known))}.")
        overrides[name] = _value(text)
    return overrides


def _value(text: str) -> int | float | str | None:
    if text.lower() == "none":
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _plan_words(planned: dict) -> str:
    lines = [
        f"Would read {planned['to_read']} files ({planned['bytes'] / 1e6:.1f} MB were found) into {planned['lake']}",
        f"already done {planned['already_done']}, still in quarantine {planned['still_quarantined']}, "
        f"passed over {len(planned['passed_over'])}",
        *(f"cannot be tried: {r}" for r in planned["refused"]),
        f"recipe {planned['recipe']} ({planned['recipe_id']})",
    ]
    return "\n".join(lines)


def stderr(text: str) -> None:
    """A line for people that is not the command's answer."""
    print(text, file=sys.stderr)
