"""Who is champion: the gate after a training, and a person's own word. Each decision is a `promotions` row."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.compute as pc

from fakelake.catalog.lake import Lake
from fakelake.catalog.scores import champion as champion_of
from fakelake.catalog.scores import latest_calibration
from fakelake.infra.model_store import ModelMissing, ModelStore

MODEL = "detector"
CALIBRATION = "calibration"  # tag of a version: its row of `calibrations`


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and the words for it."""

    promoted: bool
    text: str

    @classmethod
    def left(cls, version: str) -> Decision:
        return cls(False, f"version {version} stays challenger: promote it with `fakelake promote {version}`")


def decide(lake: Lake, store: ModelStore, version: str, found, plan, run_id: str, by: str = "the gate") -> Decision:
    """Promote a challenger that is better than the champion on the test part, or that is the first of all.

    found, plan: its examination and its training's plan
    """
    from fakelake.tasks.promotion import ENOUGH_IDENTITIES, METRIC, NotComparable, compare

    before = champion_of(lake)
    if before == version:  # by a call that was killed right after
        return Decision(True, f"version {version} is champion")
    row: dict[str, object] = {"split_id": plan.split_id, "by": by, "run_id": run_id, "metric": f"video {METRIC}"}
    if found.calibration is None:
        reason = f"version {version} could not be calibrated, and a score that no one can read is none"
        return record_decision(lake, store, version, before, False, reason, row)
    if before is None:
        return record_decision(lake, store, version, before, True, "there was no champion yet", row)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            compared = compare(lake, plan, found.test, store.fetch(MODEL, before, Path(scratch)))
    except (NotComparable, ModelMissing) as error:
        return record_decision(lake, store, version, before, False, f"not comparable: {error}", row)
    difference = compared.whole
    row |= {"challenger": difference.a, "champion": difference.b, "low": difference.low, "high": difference.high}
    better = compared.better
    reason = f"against version {before} on the test part: {compared.as_text()}"
    if difference.a_is_better and not better:
        reason += "; better on the whole, and yet worse on what the champion was judged by"
    elif not better and difference.low is not None:
        reason += "; the interval does not show it to be better"
        if difference.n < ENOUGH_IDENTITIES:
            reason += f" ({difference.n} people are too few for that: {ENOUGH_IDENTITIES} are needed)"
    return record_decision(lake, store, version, before, better, reason, row)


def promote_by_hand(
    lake: Lake, store: ModelStore, version: str, by: str, why: str, model: str = MODEL
) -> Decision:  # fmt: skip
    """A person's word overrules the gate, and is on record as that. Raises ModelMissing.

    A detector's version that was trained on another lake brings its calibration along.
    """
    version = store.version(model, version)
    if model != MODEL:
        row = {"by": by, "metric": None, "run_id": None}
        return record_decision(lake, store, version, store.champion(model), True, why, row, model)
    tagged = store.tags(MODEL, version).get(CALIBRATION)
    if tagged and latest_calibration(lake, version) is None:
        row = json.loads(tagged)
        lake.append("calibrations", [{**row, "model_version": version, "at": datetime.fromisoformat(row["at"])}])
    row = {"by": by, "metric": None, "run_id": None}
    return record_decision(lake, store, version, champion_of(lake), True, why, row)


def roll_back(lake: Lake, store: ModelStore, by: str, why: str, model: str = MODEL) -> Decision:
    """The champion that the present one replaced, by a person's word. Again: the one before that.

    Raises ModelMissing where none was before, or where its files are gone.
    """
    promoted = (pc.field("model") == model) & (pc.field("outcome") == "promoted")
    rows = sorted(lake.read("promotions", where=promoted).to_pylist(), key=lambda row: row["at"])
    line: list[str] = []  # of champions, as it would be without what was rolled back
    for row in rows:
        version = row["model_version"]
        line = line[: line.index(version) + 1] if version in line else [*line, version]
    if len(line) < 2:
        raise ModelMissing(
            f"No {model} was champion of this lake before {line[0] if line else 'any'}: nothing to go back to."
        )
    return promote_by_hand(lake, store, line[-2], by, f"rolled back from version {line[-1]}: {why}", model)


def record_decision(
    lake: Lake, store: ModelStore, version: str, before: str | None, promoted: bool, reason: str, row: dict,
    model: str = MODEL,
) -> Decision:  # fmt: skip
    """Carry out a decision and put it on record. before: the champion until now; row: more of its `promotions` row."""
    if promoted:
        store.promote(model, version)  # first here: what the lake says counts, and a crash between repeats it
    outcome = "promoted" if promoted else "refused"
    fixed = {"model": model, "model_version": version, "replaced": before, "outcome": outcome, "reason": reason}
    lake.append("promotions", [{**row, **fixed, "at": datetime.now(UTC)}])
    words = f"version {version} is champion: {reason}" if promoted else f"version {version} stays challenger: {reason}"
    return Decision(promoted, words)
