"""What an ingest leaves for people: summary.json, a contact sheet, its `runs` row and the Prefect artifacts."""

from __future__ import annotations

import base64
import json
from datetime import datetime

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from fakelake.catalog.lake import Lake
from fakelake.catalog.recipe import Recipe
from fakelake.flows.run_row import run_row
from fakelake.tasks.contact_sheet import SheetRow, contact_sheet
from fakelake.tasks.summary import IngestSummary

SHEET_VIDEOS = 60
SHEET_CROPS = 8

# Crops at even distances through each video of the run, the largest track first.
SHEET_QUERY = """
WITH of_run AS (
    SELECT video_id, recipe_id, attempt_id FROM videos WHERE run_id = $run AND status = 'ready'
    ORDER BY video_id LIMIT $videos
), ranked AS (
    SELECT c.video_id, c.track_id, c.frame,
           row_number() OVER (PARTITION BY c.video_id ORDER BY c.track_id, c.frame) - 1 AS n,
           count(*) OVER (PARTITION BY c.video_id) AS total
    FROM crops c JOIN of_run USING (video_id, recipe_id)
), chosen AS (
    SELECT video_id, track_id, frame FROM ranked
    WHERE n = 0 OR floor(n * $crops / total) <> floor((n - 1) * $crops / total)
)
SELECT any_value(s.name) AS name, c.video_id, c.track_id, c.frame, any_value(c.image) AS image
FROM chosen JOIN crops c USING (video_id, track_id, frame) JOIN of_run USING (video_id, recipe_id)
JOIN sources s ON s.video_id = c.video_id
GROUP BY c.video_id, c.track_id, c.frame ORDER BY name, c.video_id, c.track_id, c.frame
"""


def report_run(
    lake: Lake, summary: IngestSummary, recipe: Recipe, shards: list[dict], snapshot: dict[str, int], started: datetime
) -> None:
    """Write everything that tells of the run. Its summary gains the contact sheet's place and the mean frame count."""
    with lake.connect() as connection:
        mean = "SELECT avg(frames) FROM videos WHERE recipe_id = ?"
        summary.mean_frame_count = connection.execute(mean, [recipe.recipe_id]).fetchone()[0]
    sheet = write_contact_sheet(lake, summary)
    record_run(lake, summary, recipe, snapshot, started)
    create_table_artifact(shards, key="ingest-shards", description="one row a commit")
    picture = f"\n\n![faces](data:image/jpeg;base64,{base64.b64encode(sheet).decode()})" if sheet else ""
    said = "\n".join(f"- {line}" for line in summary.lines())
    create_markdown_artifact(f"# Ingest\n\n{said}{picture}", key="ingest-summary", description="what the run did")


def record_run(lake: Lake, summary: IngestSummary, recipe: Recipe, snapshot: dict[str, int], started: datetime) -> None:
    """reports/<run>/summary.json and the `runs` row, of runs that failed too."""
    text = json.dumps(summary.to_dict(), indent=2, ensure_ascii=False)
    lake.location.write_bytes(f"reports/{summary.run_id}/summary.json", text.encode())
    row = run_row(
        summary.run_id, "ingest", summary.to_dict(), snapshot, started, outcome=summary.outcome,
        recipe_id=recipe.recipe_id, recipe=recipe.to_json(),
    )  # fmt: skip
    lake.append("runs", [row])


def write_contact_sheet(lake: Lake, summary: IngestSummary) -> bytes | None:
    """Write reports/<run>/contact_sheet.jpg with faces of up to 60 of the run's videos. None when there is no face."""
    import cv2

    if not summary.ready:
        return None
    with lake.connect() as connection:
        values = {"run": summary.run_id, "videos": SHEET_VIDEOS, "crops": SHEET_CROPS}
        rows = connection.execute(SHEET_QUERY, values).fetchall()
    strips: dict[tuple[str, str], list[bytes]] = {}
    for name, video_id, _track, _frame, image in rows:
        strips.setdefault((name, video_id), []).append(image)
    sheet = contact_sheet([SheetRow(name, images) for (name, _), images in strips.items()], SHEET_CROPS)
    data = cv2.imencode(".jpg", sheet, (cv2.IMWRITE_JPEG_QUALITY, 85))[1].tobytes()
    path = f"reports/{summary.run_id}/contact_sheet.jpg"
    lake.location.write_bytes(path, data)
    summary.contact_sheet = lake.location.uri(path)
    return data
