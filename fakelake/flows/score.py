"""The scoring flow: what a model version has not scored yet, on Ray, committed as it comes."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.compute as pc
from prefect import flow
from prefect.runtime import flow_run

from fakelake.catalog.lake import Lake
from fakelake.catalog.publish import publish
from fakelake.catalog.scores import champion, commit_scores
from fakelake.flows.run_row import run_row
from fakelake.flows.score_driver import SCORE_AGAIN, ScoreDriver, quarantine_row, score_jobs, uri_of
from fakelake.flows.score_parts import ScoredParts, parts_generator, score_parts
from fakelake.infra.model_store import CHAMPION, ModelMissing, ModelStore
from fakelake.infra.progress import RunProgress
from fakelake.infra.settings import Settings
from fakelake.infra.store_of import place_for_models, store_of
from fakelake.infra.webhook import WebhookFailed, send

WEBHOOK_VERDICTS = 100  # a message


class ModelUnnamed(ValueError):
    """--model is not written as name@version."""


@dataclass(slots=True, kw_only=True)
class ScoreSummary:
    """What a scoring did; counts are of this run."""

    run_id: str
    lake: str
    model: str
    model_version: str
    outcome: str = "done"
    to_score: int = 0
    scored: int = 0
    already_scored: int = 0
    other_crops: int = 0
    quarantined: int = 0
    left: int = 0
    near_matches: int = 0
    seconds: float = 0.0
    bands: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    parts: ScoredParts | None = None
    told_at: str | None = None  # when the verdicts were read that the webhook took

    @property
    def exit_code(self) -> int:
        return 3 if self.quarantined else 0

    def lines(self) -> list[str]:
        bands = ", ".join(f"{number} {band}" for band, number in sorted(self.bands.items()))
        return [
            f"{self.model} version {self.model_version}: {self.scored} of {self.to_score} videos scored in "
            f"{self.seconds:.0f} s, {self.already_scored} were before",
            *([f"{self.other_crops} videos have crops of another kind and were left out"] if self.other_crops else []),
            *([f"{self.left} videos were not begun within the time given: score again"] if self.left else []),
            *([f"verdicts of the lake: {bands}"] if bands else []),
            *([self.parts.line] if self.parts else []),
            *self.problems,
        ]


@flow(name="score", validate_parameters=False)
def score(
    lake: str | None = None,
    model: str = "detector@champion",
    dataset: str | None = None,
    dry_run: bool = False,
    quiet: bool = False,
    parts: bool = False,
    hours: float | None = None,
) -> ScoreSummary:
    """Score what the version has not scored yet, exactly once; a killed run is finished by the same call again.

    Videos that came last are scored first.

    hours: after these, no more videos are begun; the next call goes on with them
    parts: measure also which parts of the face weigh most, of videos whose band is fake or suspicious
    """
    from fakelake.tasks.score_plan import plan_scoring

    settings = Settings()
    opened = Lake.open(lake or settings.lake)
    name, _, wanted = model.partition("@")
    if name != "detector" or not wanted:
        raise ModelUnnamed(f"--model {model}: write detector@champion, detector@challenger or detector@3.")
    store = store_of(opened, settings)
    version = own_champion(opened, store) if wanted == CHAMPION else store.version(name, wanted)
    generator = parts_generator(opened, store, version) if parts else None
    started, run_id, snapshot = datetime.now(UTC), uuid.uuid4().hex, opened.snapshot()
    summary = ScoreSummary(run_id=run_id, lake=opened.location.root, model=name, model_version=version)
    with place_for_models(opened, settings) as directory:
        bundle = store.fetch(name, version, directory)
        plan = plan_scoring(opened, name, version, bundle, dataset)
        summary.to_score, summary.already_scored, summary.other_crops = plan.videos, plan.done, plan.unfit
        if dry_run:
            summary.outcome = "planned"
            return summary
        if plan.videos:
            with store.run("scoring", f"{name} version {version}", told_of(summary, snapshot)) as run:
                run_driver(opened, settings, summary, plan, bundle, quiet, hours)
                run.figures({count: getattr(summary, count) for count in ("scored", "quarantined", "left")})
        else:
            publish(opened)  # verdicts are read below, and an earlier run may have died before it published
        if generator:
            files = store.fetch("generator", generator, directory / "generator")
            summary.parts = score_parts(opened, settings, summary, bundle, (files, generator), dataset, quiet)
            summary.problems += summary.parts.problems
    summary.near_matches = record_near_matches(opened, run_id)
    summary.seconds = round((datetime.now(UTC) - started).total_seconds(), 2)
    with opened.connect() as connection:
        summary.bands = dict(connection.execute("SELECT band, count(*) FROM verdicts GROUP BY band").fetchall())
    if settings.webhook_url:
        tell(opened, settings, summary)
    record(opened, summary, snapshot, started)
    return summary


def told_of(summary: ScoreSummary, snapshot: dict) -> dict[str, object]:
    """What MLflow keeps with a scoring, beside its figures; `run_id` is that of the lake's rows."""
    return {
        "lake": summary.lake, "run_id": summary.run_id, "model_version": summary.model_version,
        "to_score": summary.to_score, "table_versions": json.dumps(snapshot), "prefect_flow_run": flow_run.id,
    }  # fmt: skip


def own_champion(lake: Lake, store: ModelStore) -> str:
    """The lake's own record counts: its verdicts are read from that version's scores. Raises ModelMissing."""
    if version := champion(lake):
        return store.version("detector", version)
    theirs = store.version("detector", CHAMPION)
    raise ModelMissing(
        f"This lake has no champion, so no verdict would show. {store.address} has detector version {theirs}, champion "
        f"of another lake; make it this one's too: fakelake promote {theirs} --why '...'"
    )


def run_driver(
    lake: Lake, settings: Settings, summary: ScoreSummary, plan, bundle: Path, quiet: bool, hours: float | None
) -> None:  # fmt: skip
    """Hand out, collect, commit every so often."""
    from fakelake.tasks.score_task import score_videos

    jobs = score_jobs(lake, settings, summary, bundle)
    driver = ScoreDriver(settings, plan.todo, score_videos, jobs, None if hours is None else hours * 3600)
    with RunProgress("score", plan.videos, quiet=quiet) as progress:
        for rows in driver.gathered(progress, settings.score_commit_s):
            summary.scored += commit_scores(lake, rows)
    if driver.failures:
        lake.append("quarantine", [quarantine_row(lake, failure, summary.run_id) for failure in driver.failures])
    summary.quarantined, summary.left = len(driver.failures), driver.left
    summary.problems = [f"{uri_of(lake, f.video_id)}: {f.message} {SCORE_AGAIN}" for f in driver.failures[:20]]


def record_near_matches(lake: Lake, run_id: str) -> int:
    """New pairs of nearly the same footage: a decision on the one shows on the other."""
    from fakelake.tasks.near_duplicates import BITS, near_duplicates

    rows = lake.read("videos", ["video_id", "phash"]).to_pylist()
    known = {(r["video_id"], r["match_id"]) for r in lake.read("near_matches", ["video_id", "match_id"]).to_pylist()}
    hashes = {row["video_id"]: row["phash"] for row in rows if row["phash"]}
    now = datetime.now(UTC)
    new = [
        {"video_id": pair[0], "match_id": pair[1], "bits": bits, "run_id": run_id, "at": now}
        for pair, bits in near_duplicates(hashes, BITS).items()
        if pair not in known
    ]
    if new:
        lake.append("near_matches", new)
    return len(new)


def tell(lake: Lake, settings: Settings, summary: ScoreSummary) -> None:
    """Verdicts of the chosen bands to the webhook: this run's, and all since the last run whose messages all arrived.

    A run that is killed before it has told, or whose messages fail, leaves its verdicts to the next.
    """
    now = datetime.now(UTC)
    bands = [band.strip() for band in settings.webhook_bands.split(",")]
    query = """
        SELECT * FROM verdicts WHERE list_contains($bands, band) AND video_id IN (
            SELECT video_id FROM scores WHERE run_id = $run OR scored_at > coalesce($since::TIMESTAMPTZ, '-infinity')
        ) ORDER BY p_fake DESC, video_id
    """
    with lake.connect() as connection:
        parameters = {"bands": bands, "run": summary.run_id, "since": last_told(lake)}
        rows = connection.execute(query, parameters).to_arrow_table().to_pylist()
    failed = []
    for start in range(0, len(rows), WEBHOOK_VERDICTS):
        try:
            send(settings.webhook_url, settings.webhook_secret, rows[start : start + WEBHOOK_VERDICTS])
        except WebhookFailed as error:
            failed.append(str(error))
    summary.problems += failed
    summary.told_at = None if failed else now.isoformat()


def last_told(lake: Lake) -> str | None:
    """When the verdicts were read that the webhook has taken last."""
    runs = lake.read("runs", ["summary"], pc.field("flow") == "score").column(0).to_pylist()
    return max((told for text in runs if (told := json.loads(text or "{}").get("told_at"))), default=None)


def record(lake: Lake, summary: ScoreSummary, snapshot: dict, started: datetime) -> None:
    """The `runs` row."""
    summary.outcome = "quarantined" if summary.quarantined else "done"
    row = run_row(summary.run_id, "score", asdict(summary), snapshot, started, outcome=summary.outcome)
    lake.append("runs", [row])
