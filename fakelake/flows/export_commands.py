"""`fakelake export clips` and `export overlay`."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

import typer

from fakelake.flows.explain_commands import overlay
from fakelake.flows.shared_options import LakeOption, lake_root

app = typer.Typer(help="Take pictures and clips out of the lake.", no_args_is_help=True)

TRACKS = """
SELECT v.video_id, v.recipe_id, c.track_id, min(s.name) AS name, any_value(v.dataset) AS dataset,
       any_value(l.label) AS label, any_value(l.target_identity) AS identity
FROM crops c JOIN videos v USING (video_id, recipe_id) JOIN sources s USING (video_id)
LEFT JOIN video_label l USING (video_id)
WHERE ($video IS NULL OR starts_with(v.video_id, $video) OR contains(s.name, $video))
  AND ($recipe IS NULL OR v.recipe_id = $recipe)
GROUP BY v.video_id, v.recipe_id, c.track_id ORDER BY name, v.video_id, v.recipe_id, c.track_id
"""
CROPS = """
SELECT f.pts_s, c.image FROM crops c JOIN frames f USING (video_id, track_id, frame, recipe_id)
WHERE c.video_id = ? AND c.recipe_id = ? AND c.track_id = ? ORDER BY c.frame LIMIT ?
"""


@app.callback()
def _group() -> None:
    """Take pictures and clips out of the lake."""


@app.command()
def clips(
    out: Annotated[Path, typer.Argument(help="Folder for the clips and their manifest.csv.")],
    video: Annotated[
        str | None, typer.Option(help="Part of a file name or the start of a video_id; default: all.")
    ] = None,
    recipe_id: Annotated[str | None, typer.Option(help="Only what this recipe made.")] = None,
    frames: Annotated[int, typer.Option(help="At most this many frames a clip.")] = 150,
    true_speed: Annotated[
        bool, typer.Option("--true-speed", help="Resample by time instead of one after another.")
    ] = False,
    lake: LakeOption = None,
) -> None:
    """Face-only mp4, one a track: 112x112, 30 fps, frames with a face in sequence (as in the source report)."""
    from fakelake.catalog.lake import Lake
    from fakelake.tasks.face_clip import resample, write_clip

    out.mkdir(parents=True, exist_ok=True)
    written = 0
    with Lake.open(lake_root(lake)).connect() as connection, (out / "manifest.csv").open("w", newline="") as file:
        manifest = csv.writer(file)
        # `identity` comes back with the clip, so that a split never parts it from the video it was cut from.
        manifest.writerow(["path", "label", "identity", "dataset", "video_id", "recipe_id", "track_id", "frames"])
        tracks = connection.execute(TRACKS, {"video": video, "recipe": recipe_id}).fetchall()
        several = len({recipe for _, recipe, *_ in tracks}) > 1
        for video_id, recipe, track_id, name, dataset, label, identity in tracks:
            rows = connection.execute(CROPS, [video_id, recipe, track_id, frames]).fetchall()
            shown = resample([pts_s for pts_s, _ in rows])[:frames] if true_speed else range(len(rows))
            made_by = f"-{recipe[:6]}" if several else ""
            target = f"{Path(name).stem[:60]}-{video_id[:8]}{made_by}-t{track_id}.mp4"
            count = write_clip(out / target, (rows[i][1] for i in shown))
            said = label if label in ("real", "fake") else ""
            manifest.writerow([target, said, identity, dataset, video_id, recipe, track_id, count])
            written += 1
    typer.echo(f"{written} clips in {out}, listed in {out / 'manifest.csv'}")
    typer.echo("Back in with: fakelake ingest --face-clips " + str(out / "manifest.csv"))


app.command(name="overlay")(overlay)
