"""A lake with videos of six data sets, their lists, and commands in processes of their own: to train and to score."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import time
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from fakelake.catalog.lake import Lake
from fakelake.catalog.publish import publish
from tests.integration.commands import _child, kill, run
from tests.tasks.lake_of_faces import Made

# Kind of list -> names of two people's authentic videos and of two fakes, as that data set names them.
NAMES = {
    "celebdf": (
        ["Celeb-real/id3_0001.mp4", "Celeb-real/id4_0001.mp4", "YouTube-real/00012.mp4"],
        ["Celeb-synthesis/id3_id3_0001.mp4", "Celeb-synthesis/id4_id4_0002.mp4"],
    ),
    "faceforensics": (
        ["original_sequences/youtube/c23/videos/000.mp4", "original_sequences/youtube/c23/videos/001.mp4"],
        ["Deepfakes/c23/videos/000_002.mp4", "FaceSwap/c23/videos/001_003.mp4"],
    ),
    "dfdc": (["dfdc/aaaaaaaaaa.mp4", "dfdc/bbbbbbbbbb.mp4"], ["dfdc/cccccccccc.mp4", "dfdc/dddddddddd.mp4"]),
    "folder": (["set/real/one.mp4", "set/real/two.mp4"], ["set/fake/three.mp4", "set/fake/four.mp4"]),
    "voxceleb": (["vox/id10270/5r0dWxy17C8/00001.mp4", "vox/id10271/5r0dWxy17C9/00001.mp4"], []),
    "csv": (["listed/a.mp4", "listed/b.mp4"], ["listed/c.mp4", "listed/d.mp4"]),
}
# Seconds to import, each time anew where a process does not inherit them.
PRELOADED = ["fakelake.flows.score", "fakelake.flows.train_detector", "fakelake.tasks.model_card", "mlflow", "ray"]
# A tiny network, and steps enough for its normalisation: its running means take a hundred to arrive.
SETTINGS = {
    "weights": "scratch", "trunk": "mobilenet_v2", "hidden": 32, "frames": 6, "px": 32, "dropout": 0, "augment": "none",
    "blended": 0, "learning_rate": 0.001, "batch": 4, "epochs": 4, "clips_per_video": 7,
}  # fmt: skip
TRAIN = (
    "train",
    "detector",
    "--recipe",
    "demo",
    *(word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")),
)


def videos() -> list[Made]:
    return [
        Made(name=name, fake=fake)
        for reals, fakes in NAMES.values()
        for fake, names in ((False, reals), (True, fakes))
        for name in names
    ]


def lists(folder: Path) -> dict[str, list[object]]:
    """Kind -> what `labels import` is told; each list says it in the way of its own data set."""
    dfdc, csv, tree = folder / "metadata.json", folder / "list.csv", folder / "set"
    reals, fakes = NAMES["dfdc"]
    said = {Path(n).name: {"label": "REAL"} for n in reals}
    said |= {Path(n).name: {"label": "FAKE", "original": Path(r).name} for n, r in zip(fakes, reals, strict=True)}
    dfdc.write_text(json.dumps(said))
    reals, fakes = NAMES["csv"]
    csv.write_text("path,label_is_real\n" + "".join(f"{n},{int(n in reals)}\n" for n in (*reals, *fakes)))
    for name in (*NAMES["folder"][0], *NAMES["folder"][1]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    by_name = {kind: ["--kind", kind] for kind in ("celebdf", "faceforensics", "voxceleb")}
    return {**by_name, "dfdc": [dfdc], "csv": [csv], "folder": [tree, "--kind", "folder"]}


def start(*arguments: object, **env: str) -> BaseProcess:
    """A command in a process of its own, to be killed."""
    process = _server().Process(target=_alone, args=([str(a) for a in arguments], {**os.environ, **env}))
    process.start()
    return process


def warm_up() -> None:
    """Begin to import what `start` needs, beside whatever else is done."""
    _server()
    forkserver.ensure_running()


def train(lake: Path) -> dict:
    """Train to the end in this process, as a process of `start` would."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return run(*TRAIN, "--lake", lake, "--json").json
    finally:
        torch.set_num_threads(threads)


def _server() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _alone(argv: list[str], env: dict[str, str]) -> None:
    import torch

    torch.set_num_threads(1)  # beside other work, two threads wait for each other ten times as long as they compute
    _child(argv, env, os.devnull)


def wait_until(true, process: BaseProcess, seconds: float = 1800) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert process.is_alive() and time.monotonic() < end, "it ended, or did not come so far"
        time.sleep(0.01)


def copy_of(lake: Path, folder: Path) -> Path:
    """A lake of the test's own, its views published from where it lies now."""
    publish(Lake.open(shutil.copytree(lake, folder / "lake")))
    return folder / "lake"


def killed_at(point: str, folder: Path, *arguments: object, **env: str) -> None:
    """A command, killed when it comes to a failpoint; `folder` is for the mark that it leaves there."""
    (folder / "points").mkdir(exist_ok=True)
    trap = {"FAKELAKE_FAILPOINT": point, "FAKELAKE_FAILPOINT_DIR": str(folder / "points")}
    trap |= {"FAKELAKE_FAILPOINT_ACTION": "pause", "FAKELAKE_CPUS_PER_VIDEO": "2"}  # one worker: two start half as fast
    process = start(*arguments, **trap, **env)
    wait_until((folder / "points" / point).exists, process)
    kill(process)


def scores(lake: Path) -> list[tuple]:
    """All that was said, without who said it when."""
    columns = ["video_id", "recipe_id", "model", "model_version", "track_id", "window", "start_s", "end_s", "frames"]
    rows = Lake.open(lake).read("scores", [*columns, "reason", "logit"]).to_pylist()
    return sorted(tuple(row.values()) for row in rows)


def versions(lake: Path) -> int:
    return Lake.open(lake).table("scores").version()


def same(some: list[tuple], others: list[tuple]) -> bool:
    """Equal rows; a logit may differ in its last bits, as other videos share its batch."""
    said, other = ([row[-1] for row in rows] for rows in (some, others))
    return [row[:-1] for row in some] == [row[:-1] for row in others] and np.allclose(said, other, rtol=0, atol=1e-3)
