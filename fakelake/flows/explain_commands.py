"""`fakelake explain` and `fakelake export overlay`: why a video was judged as it was, on a page and on its faces."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fakelake.flows.shared_options import JsonOption, LakeOption, lake_root, print_json

if TYPE_CHECKING:
    from fakelake.catalog.lake import Lake
    from fakelake.infra.model_store import ModelStore
    from fakelake.tasks.explain import Explained
    from fakelake.tasks.facts import Facts
    from fakelake.tasks.part_masks import PartMasks

VideoArgument = Annotated[
    str, typer.Argument(help="File name, end of its path, uri, or the first 6 or more digits of its video_id.")
]
LOG_EVERY_S = 30.0


def explain(
    video: VideoArgument,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the page and its pictures; default: ./explain-<video_id>.")
    ] = None,
    lake: LakeOption = None,
    model: Annotated[
        str, typer.Option(help="detector@champion, detector@challenger or detector@3.")
    ] = "detector@champion",
    as_json: JsonOption = False,
) -> None:
    """Why a video was judged as it was: a page of faces, scores over time, heat map, parts and the worst second."""
    name, _, wanted = model.partition("@")
    if name != "detector" or not wanted:
        raise typer.BadParameter(
            f"{model}: write detector@champion, detector@challenger or detector@3", param_hint="--model"
        )
    from fakelake.catalog.lake import Lake
    from fakelake.tasks.facts import UNSCORED, facts_of

    opened = Lake.open(lake_root(lake))
    video_id = find(opened, video)
    # The verdict: of the lake's own champion, whatever a registry says meanwhile, or of the one that stands in for it.
    version = None if wanted == "champion" else _version(opened, name, wanted)
    facts = facts_of(opened, video_id, version)
    folder = out or Path(f"explain-{video_id[:12]}")
    if facts.verdict.band in UNSCORED:
        from fakelake.tasks.explain import explain as write

        explained = write(opened, facts, None, folder)
    else:
        explained = _with_model(opened, facts, name, folder)
    verdict = facts.verdict
    if as_json:
        print_json(
            {
                "page": str(explained.page), "pictures": [str(path) for path in explained.pictures],
                "video_id": video_id, "name": verdict.name, "band": verdict.band, "p_fake": verdict.p_fake,
                "reason": verdict.reason, "worst_track": verdict.worst_track, "worst_second": verdict.worst_second,
                "model_version": verdict.model_version,
                "parts": [asdict(mean) for mean in explained.parts.means],
            }
        )  # fmt: skip
    else:
        from fakelake.tasks.explain_words import headline

        typer.echo(f"{verdict.title}: {headline(verdict)}" + (f" ({verdict.reason})" if verdict.reason else ""))
        typer.echo(f"look at {explained.page}")
    if explained.evidence is not None and not explained.evidence.reproduced:
        typer.echo("careful: the model at hand does not give the score on record; see the page", err=True)


def overlay(
    video: VideoArgument,
    out: Annotated[
        Path | None, typer.Option("--out", help="The mp4 to write; default: <name>-overlay.mp4 in this folder.")
    ] = None,
    lake: LakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """The video again, with box, band and p_fake on every face: H.264 for any browser, the sound kept."""
    if out is not None and out.suffix.lower() != ".mp4":
        raise typer.BadParameter(f"{out}: give a name that ends in .mp4", param_hint="--out")
    from fakelake.catalog.lake import Lake
    from fakelake.tasks.facts import facts_of
    from fakelake.tasks.overlay import write_overlay

    opened = Lake.open(lake_root(lake))
    facts = facts_of(opened, find(opened, video))
    target = out or Path(f"{Path(facts.verdict.title).stem[:80]}-overlay.mp4")
    done = write_overlay(opened, facts, target, on_frame=_frames_done(quiet=as_json))
    if as_json:
        print_json({
            "file": str(done.path), "frames": done.frames, "faces": done.faces, "seconds": round(done.seconds, 3),
            "sound": done.sound, "broken": done.broken or None,
        })  # fmt: skip
        return
    sound = {"none": "no sound", "copied": "its sound", "AAC": "its sound as AAC"}[done.sound]
    typer.echo(f"{done.path}: {done.frames} frames, {done.faces} faces drawn, {sound}")
    if done.broken:
        typer.echo(f"passed over: {done.broken}", err=True)


def find(lake: Lake, video: str) -> str:
    """The video_id that a person means, among what was ingested and what failed. Raises VideoNotFound."""
    from fakelake.tasks.labels.load import sources_of
    from fakelake.tasks.labels.match import Source
    from fakelake.tasks.labels.which import find_video

    failed = lake.read("quarantine", ["uri", "video_id", "dataset", "error"]).to_pylist()
    places = [
        Source(uri=row["uri"], video_id=row["video_id"], dataset=row["dataset"])
        for row in failed
        if row["video_id"] and row["error"] != "forgotten"
    ]
    return find_video(video, [*sources_of(lake), *places])


def _version(lake: Lake, name: str, wanted: str) -> str:
    from fakelake.infra.settings import Settings
    from fakelake.infra.store_of import store_of

    return store_of(lake, Settings()).version(name, wanted)


def _with_model(lake: Lake, facts: Facts, name: str, out: Path) -> Explained:
    """Explain with the very version that scored; what it measures of the parts goes on record."""
    from fakelake.flows.explain_record import record_parts
    from fakelake.infra.settings import Settings
    from fakelake.infra.store_of import store_of
    from fakelake.tasks.explain import explain as write
    from fakelake.tasks.model_files import read_model

    started, snapshot = datetime.now(UTC), lake.snapshot()
    store = store_of(lake, Settings())
    version = store.version(name, facts.verdict.model_version)
    with tempfile.TemporaryDirectory(prefix="fakelake-model-") as directory:
        model = read_model(store.fetch(name, version, Path(directory) / name))
        explained = write(lake, facts, model, out, _masks(store, Path(directory)))
    if explained.parts.new_rows:
        record_parts(lake, explained.parts.new_rows, snapshot, started)
    return explained


def _masks(store: ModelStore, directory: Path) -> PartMasks | None:
    """Of the champion among generators; None where there is none yet."""
    from fakelake.infra.model_store import CHAMPION, ModelMissing
    from fakelake.tasks.part_masks import read_masks

    try:
        version = store.version("generator", CHAMPION)
    except ModelMissing:
        return None
    return read_masks(store.fetch("generator", version, directory / "generator"), version)


def _frames_done(*, quiet: bool) -> Callable[[int, int], None] | None:
    """A line each 30 s."""
    if quiet:
        return None
    last = time.monotonic()

    def say(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= LOG_EVERY_S:
            last = time.monotonic()
            print(f"{time.strftime('%H:%M:%S')} overlay: {done} of {total} frames", file=sys.stderr)

    return say
