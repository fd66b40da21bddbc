"""A whole swap: the part changed, everything else the video that it was."""

import tracemalloc
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
import torch

from fakelake.models.generator.swap import Swapper
from fakelake.tasks import media_file
from fakelake.tasks.decode import decode
from fakelake.tasks.marks.invisible import Mark, MarkReader
from fakelake.tasks.probe import probe
from fakelake.tasks.swap.errors import NoFittingFace
from fakelake.tasks.swap.plan import SwapPlan
from fakelake.tasks.swap.planes import PlaneReader
from fakelake.tasks.swap.render import render
from fakelake.tasks.swap.report import CELL, HEADS
from fakelake.tasks.swap.swap_video import ENCODER, SwapJob, swap_video
from fakelake.tasks.upright_video import pts_of, video_stream
from tests.media import face_clip, paste_faces, turned, write_clip
from tests.models.generator.made import NETWORK, skin_generator
from tests.tasks.reading import pictures_of

ASSET = "0123456789abcdef"
COUNT = 16
TIMES = [40 * n + (7 if n % 3 else 0) for n in range(COUNT)]  # ms
SHARP = {"crf": "10", "preset": "ultrafast"}
PX = NETWORK.px


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A clip of a real face with uneven times and a tone, a source still, and the swap of the one into the other."""
    folder = tmp_path_factory.mktemp("swap")
    images = pictures_of(face_clip(), COUNT)
    target = write_clip(folder / "target.mp4", images, times=TIMES, sound=True, options=SHARP)
    cv2.imwrite(str(folder / "source.png"), cv2.flip(images[0], 1))
    job = SwapJob(
        source=folder / "source.png", target=target, channels=(1,), margin=0.2, asset_id=ASSET, threads=1
    )  # fmt: skip
    heard = []
    done = swap_video(
        skin_generator(), job, folder / "out.mp4", folder / "out.png", on_frame=lambda *told: heard.append(told)
    )
    return SimpleNamespace(folder=folder, job=job, done=done, out=folder / "out.mp4", heard=heard)


def swapped(made, name, **changes):
    """Another swap, of a changed job."""
    out = made.folder / f"{name}.mp4"
    return swap_video(skin_generator(), replace(made.job, **changes), out), out


def luma(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray()[: frame.height] for frame in container.decode(video=0)]


def fixed_plan(count, window, first=0):
    """Every frame in one window."""
    windows = np.tile(np.array(window, np.int32), (count, 1))
    return SwapPlan(first, windows, np.ones(count, np.float32), Counter(swapped=count), 1, ())


def swapper(seed=1):
    return Swapper(skin_generator(), torch.rand(1, 3, PX, PX, generator=torch.Generator().manual_seed(seed)), [1])


def test_every_frame_is_there_at_its_own_time_and_size(made):
    assert (made.done.frames, made.done.swapped, made.done.windows) == (COUNT, COUNT, 1)
    with av.open(str(made.job.target)) as source, av.open(str(made.out)) as out:
        shown = [[(f.time, f.width, f.height) for f in file.decode(video=0)] for file in (source, out)]
        codec = out.streams.video[0].codec_context
        assert (codec.name, codec.pix_fmt) == ("h264", "yuv420p")
    assert shown[0] == shown[1]
    assert ("swap", COUNT, COUNT) in made.heard and ("find the face", COUNT, COUNT) in made.heard


def test_that_a_small_model_draws_softly_is_told(made):
    (note,) = made.done.notes
    assert "draws 64 px and the face's window is" in note


def test_before_it_is_encoded_nothing_outside_the_window_has_changed(made):
    window = (200, 60, 400, 260)
    info = probe(made.job.target)
    frames = list(decode(made.job.target, info))
    reader = PlaneReader(frames[0], info.width, info.height)
    drawn = list(render(frames, fixed_plan(10, window, first=3), swapper(), reader, PX, batch=4))
    assert [r.frame.index for r in drawn] == list(range(COUNT))
    for rendered, was in zip(drawn, map(reader.read, frames), strict=True):
        for name, step in (("y", 1), ("u", 2), ("v", 2)):
            now, before = getattr(rendered.planes, name), getattr(was, name)
            changed = now != before
            inside = np.zeros_like(changed)
            inside[60 // step : 260 // step, 200 // step : 400 // step] = True
            assert not changed[~inside].any()
            assert changed[inside].any() == (3 <= rendered.frame.index < 13)


def test_after_it_is_encoded_the_outside_is_as_good_as_if_it_had_only_been_encoded(made):
    """Beside a control with the same mark and encoder; the mark itself is measured by its own tests."""
    control = made.folder / "control.mp4"
    info = probe(made.job.target)
    with media_file.open_media(made.job.target, stage="decode") as source, av.open(str(control), "w") as out:
        frames = list(decode(made.job.target, info))
        reader = PlaneReader(frames[0], info.width, info.height)
        stream = video_stream(out, info, source, ENCODER, reader.marks)
        for frame in frames:
            planes = reader.read(frame)
            planes.y = Mark(ASSET).embed(planes.y)
            picture = planes.frame()
            picture.pts, picture.time_base = pts_of(frame, info)
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    source, result, beside = luma(made.job.target), luma(made.out), luma(control)
    left = np.s_[:, :60]  # no window of this clip reaches so far
    ratios = []
    for pictures in (result, beside):
        squares = [np.square(a[left].astype(float) - b[left]).mean() for a, b in zip(source, pictures, strict=True)]
        ratios.append(10 * np.log10(255**2 / np.mean(squares)))
    assert ratios[0] > ratios[1] - 0.2 and ratios[0] > 38
    middle = np.s_[100:260, 240:360]
    assert np.mean([np.abs(a[middle].astype(float) - b[middle]) for a, b in zip(source, result, strict=True)]) > 4


def test_the_sound_is_the_targets_own_packets(made):
    assert made.done.sound == "copied"
    packets = []
    for path in (made.job.target, made.out):
        with av.open(str(path)) as file:
            sounding = [p for p in file.demux(file.streams.audio[0]) if p.size]
            packets.append([(round(float(p.pts * p.time_base), 3), bytes(p)) for p in sounding])
    assert len(packets[0]) > 5 and packets[0] == packets[1]


def test_the_invisible_mark_is_in_the_picture(made):
    reader = MarkReader()
    for picture in luma(made.out):
        reader.add(picture)
    assert reader.read().asset_id == ASSET


def test_the_banner_comes_only_when_asked_for(made):
    _, with_banner = swapped(made, "banner", banner=True)
    without, shown = luma(made.out)[4], luma(with_banner)[4]
    strip, wall = np.s_[-18:], np.s_[-18:, :100]
    assert shown[strip].max() > 220 and np.median(shown[wall]) < 70 < np.median(without[wall])
    above = np.s_[:300, :60]
    assert np.abs(shown[above].astype(int) - without[above]).mean() < 1.5


def test_the_report_picture_shows_four_moments(made):
    picture = cv2.imread(str(made.folder / "out.png"))
    assert picture.shape[1] == CELL * len(HEADS) and picture.shape[0] > 4 * CELL
    top = picture[44 : 44 + CELL]
    source, target, mask, result = (top[:, n * CELL : (n + 1) * CELL].astype(int) for n in range(4))
    assert np.abs(source - target).mean() > 3  # mirrored
    assert (mask - target)[..., 2].mean() > 5 and np.abs(result - target).mean() > 2


def test_hard_masks_and_masks_from_the_source_are_other_pictures(made):
    plain = luma(made.out)[4].astype(int)
    face = np.s_[60:320, 200:400]
    for name, changes in {"hard": {"hard": True}, "theirs": {"masks_from": "source"}}.items():
        other = luma(swapped(made, name, **changes)[1])[4]
        assert np.abs(other[face] - plain[face]).mean() > 0.3


def test_a_turned_video_comes_out_upright(made):
    turned_one = turned(made.job.target, made.folder / "turned.mp4", 90)
    done, out = swapped(made, "upright", target=turned_one)
    assert done.swapped == COUNT
    assert luma(out)[0].shape == (360, 640)
    with av.open(str(out)) as file:
        assert next(file.decode(video=0)).rotation == 0


def test_odd_sides_are_made_even_and_ten_bits_eight(made):
    images = [image[:359, :639] for image in pictures_of(face_clip(), 6)]
    odd = write_clip(made.folder / "odd.mkv", images, pix_fmt="yuv444p", options=SHARP)
    done, out = swapped(made, "odd", target=odd)
    assert done.swapped == 6 and luma(out)[0].shape == (360, 640)


def test_frames_without_the_face_pass_through_and_are_counted(made):
    images = pictures_of(face_clip(), COUNT)
    grey = np.full_like(images[0], 110)
    path = write_clip(made.folder / "gone.mp4", images[:8] + [grey] * 6, options=SHARP)
    done, out = swapped(made, "gone", target=path)
    assert (done.frames, done.swapped, done.no_face) == (14, 8, 6)
    assert np.abs(luma(out)[11].astype(int) - luma(path)[11]).mean() < 2.5  # marked, and no more


def test_of_two_faces_the_named_one_is_swapped(made):
    path = made.folder / "two.mp4"
    paste_faces(path, [(160, 150, 110), (480, 150, 110)], frames=8)
    with pytest.raises(NoFittingFace, match="--track N") as refused:
        swapped(made, "two", target=path)
    assert "2 faces" in str(refused.value) and "track 1:" in str(refused.value)
    assert not (made.folder / "two-out.mp4").exists()
    done, out = swapped(made, "second", target=path, track=1)
    assert (done.track, done.swapped) == (1, 8)
    before, after = luma(path)[4].astype(int), luma(out)[4].astype(int)
    left, right = (np.abs(after - before)[100:200, x - 40 : x + 40].mean() for x in (160, 480))
    assert right > 2 * left and left < 3


def test_memory_does_not_grow_with_the_length(tmp_path):
    peaks = []
    for count in (30, 100):
        path = write_clip(tmp_path / f"{count}.mp4", frames=count, options={"preset": "ultrafast"})
        info = probe(path)
        frames = decode(path, info)
        first = next(frames)
        reader, plan, model = PlaneReader(first, 160, 120), fixed_plan(count, (20, 20, 100, 100)), swapper()
        tracemalloc.start()
        assert sum(1 for _ in render([first], plan, model, reader, PX)) == 1
        assert sum(1 for _ in render(frames, plan, model, reader, PX)) == count - 1
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert all(after - before < 6 * 160 * 120 * 3 for before, after in pairwise(peaks))
