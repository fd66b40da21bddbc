"""What the schedule runs: the inbox into the lake, and what is new before the champion."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from prefect import flow
from prefect.artifacts import create_link_artifact, create_markdown_artifact

from fakelake.catalog.lake import Lake
from fakelake.catalog.scores import champion
from fakelake.catalog.training_swaps import DATASET
from fakelake.flows.ingest import ingest, plan
from fakelake.flows.score import score
from fakelake.infra.settings import Settings
from fakelake.tasks.contact_sheet import SheetRow, contact_sheet

SHOWN = 12  # videos of a report
SHOWN_CROPS = 8

# A video that could not be scored is not tried at every tick: a scoring that has other work tries it again.
WAITING = f"""
SELECT count(*) FROM videos WHERE status = 'ready' AND coalesce(dataset, '') <> '{DATASET}'
AND video_id NOT IN (SELECT video_id FROM scores JOIN champion USING (model, model_version))
AND video_id NOT IN (SELECT video_id FROM open_quarantine WHERE stage = 'score' AND video_id IS NOT NULL)
"""

HIGHEST = """
SELECT video_id, name, band, p_fake, worst_second, reason, worst_track, recipe_id FROM verdicts
WHERE video_id IN (SELECT video_id FROM scores WHERE run_id = $run) AND p_fake IS NOT NULL
ORDER BY p_fake DESC, video_id LIMIT $most
"""

# Crops of the worst track, around its worst second.
CROPS = """
SELECT image FROM crops JOIN frames USING (video_id, track_id, frame, recipe_id)
WHERE video_id = $video AND track_id = $track AND recipe_id = $recipe
ORDER BY abs(pts_s - $second) LIMIT $most
"""


@dataclass(slots=True, kw_only=True)
class TickSummary:
    """quarantined: inputs and videos that could not be used in this run."""

    lake: str
    taken_in: int = 0
    scored: int = 0
    quarantined: int = 0
    said: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        return self.said


@flow(name="ingest_and_score", timeout_seconds=24 * 3600, validate_parameters=False)
def ingest_and_score(
    paths: list[str] | None = None,
    lake: str | None = None,
    recipe: str = "paper",
    overrides: dict | None = None,
    dataset: str | None = None,
    quiet: bool = False,
) -> TickSummary:
    """Take in what is new, and score what the champion has not scored yet. With nothing to do it ends at once.

    paths:     folders, globs, manifests (.csv) or s3:// prefixes; default FAKELAKE_INBOX
    lake:      directory or s3:// prefix; default FAKELAKE_LAKE or ./lake
    recipe:    paper | archive; `overrides` changes single settings of it
    dataset:   what the videos are filed under

    Files that were touched a moment ago (FAKELAKE_INBOX_SETTLE_S) may still be copied: they wait for the next run.
    """
    settings = Settings()
    root, wanted, settle = lake or settings.lake, paths or [settings.inbox], settings.inbox_settle_s
    summary = TickSummary(lake=root)
    planned = plan(wanted, root, recipe, overrides, dataset, settle)
    if planned["growing"]:
        summary.said.append(f"{len(planned['growing'])} files may still be growing and wait for the next run")
    if planned["to_read"] or planned["refused"]:
        taken = ingest(
            wanted, lake=root, recipe=recipe, overrides=overrides, dataset=dataset, settle_s=settle, quiet=quiet
        )  # fmt: skip
        summary.taken_in, summary.quarantined = taken.ready + taken.no_face, taken.quarantined
        summary.said += taken.lines()
    else:
        summary.said.append(f"nothing new in {', '.join(wanted)}")
    opened = Lake.open(root, create=True)
    version = champion(opened)
    if version is None:
        summary.said.append("no champion yet, so nothing was scored: fakelake train detector, or fakelake promote")
    elif waiting(opened):
        scored = score(opened.location.root, quiet=quiet)
        summary.scored, summary.quarantined = scored.scored, summary.quarantined + scored.quarantined
        summary.said += scored.lines()
        report_highest(opened, scored.run_id, version, settings)
    return summary


def waiting(lake: Lake) -> int:
    """Videos that the champion has not looked at."""
    with lake.connect() as connection:
        return connection.execute(WAITING).fetchone()[0]


def report_highest(lake: Lake, run_id: str, version: str, settings: Settings) -> None:
    """The highest scores of a run, with their faces at the worst second, for the Prefect page."""
    import cv2

    with lake.connect() as connection:
        rows = connection.execute(HIGHEST, {"run": run_id, "most": SHOWN}).fetchall()
        strips = []
        for video_id, name, band, p_fake, second, _, track, recipe in rows:
            values = {"video": video_id, "track": track, "recipe": recipe, "second": second, "most": SHOWN_CROPS}
            crops = [image for (image,) in connection.execute(CROPS, values).fetchall()]
            strips.append(SheetRow(f"{p_fake:.2f} {band}  {name}", crops))
    if not rows:
        return
    sheet = cv2.imencode(".jpg", contact_sheet(strips, SHOWN_CROPS), (cv2.IMWRITE_JPEG_QUALITY, 85))[1].tobytes()
    lake.location.write_bytes(f"reports/{run_id}/highest.jpg", sheet)
    table = "\n".join(
        f"| {linked(name, video_id, settings)} | {band} | {p_fake:.2f} | {second:.1f} | {cell(reason)} |"
        for video_id, name, band, p_fake, second, reason, _, _ in rows
    )
    picture = f"![faces at the worst second](data:image/jpeg;base64,{base64.b64encode(sheet).decode()})"
    create_markdown_artifact(
        f"# Highest scores of this run, detector version {version}\n\n| video | band | p_fake | worst second | why |\n"
        f"|---|---|---|---|---|\n{table}\n\n{picture}",
        key="highest-scores", description="with their faces at the worst second",
    )  # fmt: skip
    if settings.mlflow_pages:
        create_link_artifact(
            f"{settings.mlflow_pages}/#/models/detector/versions/{version}", link_text=f"detector version {version}",
            key="champion", description="the model behind these scores, in MLflow",
        )  # fmt: skip


def linked(name: str, video_id: str, settings: Settings) -> str:
    """A video's name, with its page of the review desk behind it where there is one."""
    return f"[{cell(name)}]({settings.desk_pages}/videos/{video_id}/)" if settings.desk_pages else cell(name)


def cell(text: str) -> str:
    """Of a Markdown table: a file's name is anybody's text."""
    return "".join(f"\\{c}" if c in "|<>[]`*_\\" else c for c in text.replace("\n", " "))
