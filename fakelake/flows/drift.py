"""The drift flow: is what comes in still like what the champion was trained beside? A table, a picture, an event."""

from __future__ import annotations

import base64
import sys
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from prefect import flow
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from fakelake.catalog.lake import Lake
from fakelake.flows.run_row import run_row
from fakelake.infra.events import DRIFT, tell
from fakelake.infra.settings import Settings

if TYPE_CHECKING:
    from fakelake.tasks.drift import Drift

TOLD = ("measure", "psi", "ks", "words")  # of each measure that drifted, by the event


@dataclass(slots=True, kw_only=True)
class DriftSummary:
    """What a comparison found. reference, recent: videos of each side; picture: its address; outcome: of the run."""

    run_id: str
    lake: str
    model_version: str
    trained_at: datetime
    since: datetime
    reference: int
    recent: int
    measures: list[Drift]
    picture: str
    outcome: str = "done"

    @property
    def drifted(self) -> list[str]:
        return [drift.measure for drift in self.measures if drift.drifted]

    @property
    def exit_code(self) -> int:
        return 3 if self.drifted else 0

    def lines(self) -> list[str]:
        said = {True: "DRIFTED", False: "no drift", None: "unknown"}
        return [
            f"{self.recent} videos since {self.since:%Y-%m-%d %H:%M} UTC against the {self.reference} that were there "
            f"when detector version {self.model_version} was trained, {self.trained_at:%Y-%m-%d %H:%M} UTC",
            *(f"{drift.measure:<12} {said[drift.drifted]:<9} {drift.words}" for drift in self.measures),
            f"picture: {self.picture}",
        ]


@dataclass(slots=True, kw_only=True)
class NothingToCompare:
    """A lake that has no training to compare with yet: a nightly run is done with that, a person has no answer."""

    lake: str
    words: str
    outcome: str = "nothing to compare with"
    exit_code: ClassVar[int] = 1

    def lines(self) -> list[str]:
        return [f"nothing to compare with yet: {self.words}"]


@flow(name="drift", validate_parameters=False)
def drift(lake: str | None = None, days: float = 7.0, quiet: bool = False) -> DriftSummary | NothingToCompare:
    """Compare the videos of the last `days` with those of the champion's training; an event tells of drift, once a run.

    Where there is no training to compare with yet, it says so and is done. Raises ValueError for days that are none.
    """
    from fakelake.tasks.drift import Limits, compare
    from fakelake.tasks.drift_lake import NoReference, read_sides
    from fakelake.tasks.drift_plot import drift_picture

    settings = Settings()
    opened = Lake.open(lake or settings.lake)
    started, run_id, snapshot = datetime.now(UTC), uuid.uuid4().hex, opened.snapshot()
    try:
        sides = read_sides(opened, days, started)
    except NoReference as error:  # a nightly run that failed until the first training would alarm somebody each night
        none = NothingToCompare(lake=opened.location.root, words=str(error))
        create_markdown_artifact(f"# Drift\n\n{none.lines()[0]}", key="drift-summary", description=none.outcome)
        return none
    if not quiet:
        print(f"comparing {sides.recent.videos} videos with {sides.reference.videos}", file=sys.stderr)
    limits = Limits(psi=settings.drift_psi, ks=settings.drift_ks, least=settings.drift_least)
    path = f"reports/{run_id}/drift.png"
    summary = DriftSummary(
        run_id=run_id, lake=opened.location.root, model_version=sides.training.model_version,
        trained_at=sides.training.started_at, since=sides.since, reference=sides.reference.videos,
        recent=sides.recent.videos, measures=compare(sides.reference, sides.recent, limits),
        picture=opened.location.uri(*path.split("/")),
    )  # fmt: skip
    title = f"Since {sides.since:%Y-%m-%d}, against the training of detector version {summary.model_version}"
    picture = drift_picture(summary.measures, sides.reference, sides.recent, title)
    opened.location.write_bytes(path, picture)
    record(opened, summary, snapshot, started)
    show(summary, picture)
    if summary.drifted:
        found = [each for each in summary.measures if each.drifted]
        tell(
            summary.lake, DRIFT, run_id=run_id, model_version=summary.model_version, since=summary.since.isoformat(),
            recent=summary.recent, drifted=[{name: getattr(each, name) for name in TOLD} for each in found],
        )  # fmt: skip
    return summary


def record(lake: Lake, summary: DriftSummary, snapshot: dict[str, int], started: datetime) -> None:
    """The rows of `drift`, one a measure, and the `runs` row."""
    fixed = {"model_version": summary.model_version, "trained_at": summary.trained_at, "since": summary.since}
    fixed |= {"run_id": summary.run_id, "at": datetime.now(UTC)}
    rows = [{**asdict(each), **fixed, "reason": each.words} for each in summary.measures]
    lake.append("drift", [{name: row[name] for name in row if name != "words"} for row in rows], publish=False)
    lake.append("runs", [run_row(summary.run_id, "drift", asdict(summary), snapshot, started)])


def show(summary: DriftSummary, picture: bytes) -> None:
    """Prefect's artifacts: the table, and the words with the picture."""
    create_table_artifact([asdict(each) for each in summary.measures], key="drift", description="one row a measure")
    said = "\n".join(f"- {line}" for line in summary.lines())
    image = f"![reference against recent](data:image/png;base64,{base64.b64encode(picture).decode()})"
    create_markdown_artifact(f"# Drift\n\n{said}\n\n{image}", key="drift-summary", description="what has drifted")
