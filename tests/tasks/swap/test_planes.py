"""Pictures go to the encoder as they were decoded."""

import av
import numpy as np
import pytest

from fakelake.tasks.decode import decode
from fakelake.tasks.probe import probe
from fakelake.tasks.swap.planes import PlaneReader
from tests.media import changing_size, turned, write_clip

SIZE = (160, 120)


def planes_of(path):
    """Info, the frames, and their planes."""
    info = probe(path)
    frames = list(decode(path, info))
    reader = PlaneReader(frames[0], info.width, info.height)
    return reader, frames, [reader.read(frame) for frame in frames]


def stored(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]


@pytest.mark.parametrize("marks", [{}, {"colorspace": 1, "color_range": 1}, {"colorspace": 5, "color_range": 2}])
def test_eight_bit_420_is_passed_on_code_by_code(tmp_path, marks):
    path = write_clip(tmp_path / "a.mp4", frames=5, marks=marks)
    reader, _, planes = planes_of(path)
    for found, wanted in zip(planes, stored(path), strict=True):
        assert np.array_equal(found.frame().to_ndarray(), wanted)
    assert reader.marks["colorspace"] == marks.get("colorspace", 5)  # small and unmarked: read as BT.601, said so now


def test_turned_pictures_are_upright(tmp_path):
    upright = write_clip(tmp_path / "a.mp4", frames=3, options={"crf": "4"})
    _, _, planes = planes_of(turned(upright, tmp_path / "turned.mp4", 90))
    assert planes[0].y.shape == (120, 160)
    wanted = stored(upright)[0]
    assert np.abs(planes[0].y.astype(int) - wanted[:120]).mean() < 3


@pytest.mark.parametrize(
    ("pix_fmt", "size", "codec"),
    [("yuv444p", SIZE, "libx264"), ("yuv420p10le", SIZE, "libx265"), ("yuv444p", (161, 121), "libx264")],
)
def test_other_kinds_are_converted_and_look_the_same(tmp_path, pix_fmt, size, codec):
    path = write_clip(tmp_path / "a.mkv", frames=3, size=size, pix_fmt=pix_fmt, codec=codec, options={"crf": "8"})
    _, frames, planes = planes_of(path)
    width, height = size[0] // 2 * 2, size[1] // 2 * 2
    seen, wanted = planes[1].part(0, 0, width, height), frames[1].full()[:height, :width]
    assert np.abs(seen.astype(int) - wanted).mean() < 3
    assert all(side % 2 == 0 for side in planes[0].y.shape)


def test_a_change_of_size_in_mid_stream_keeps_the_first_one(tmp_path):
    _, frames, planes = planes_of(changing_size(tmp_path / "grows.ts"))
    assert {p.y.shape for p in planes} == {(120, 160)} and frames[-1].width == 320
    seen = planes[-1].part(0, 0, 160, 120).astype(int)
    assert np.abs(seen.mean((0, 1)) - frames[-1].full().mean((0, 1))).max() < 4
