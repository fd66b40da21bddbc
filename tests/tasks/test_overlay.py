"""The video with its verdict on every face: the right face, the right moment, and still the same video."""

import tracemalloc
from dataclasses import replace
from types import SimpleNamespace

import av
import numpy as np
import pytest

from fakelake.catalog.lake import Lake
from fakelake.catalog.recipe import Recipe
from fakelake.tasks.decode import decode
from fakelake.tasks.facts import facts_of
from fakelake.tasks.known_source import SourceUnfit
from fakelake.tasks.overlay import NothingToDraw, write_overlay
from fakelake.tasks.overlay_drawing import COLOURS
from fakelake.tasks.overlay_faces import UNNAMED
from fakelake.tasks.probe import probe
from tests.media import changing_size, turned, write_clip
from tests.tasks.explained import SIDE, add, at, faces, promote, say
from tests.tasks.reading import QUICK

FAKE, SUSPICIOUS, AUTHENTIC = 4.0, 1.0, -4.0  # logits, by the thresholds of `promote`
LEFT, RIGHT = (20, 100), (170, 100)
TIMES = [0, 30, 70, 100, 140, 200, 300, 330, 370, 400, 440, 500, 600, 640, 700, 730, 800, 900]  # ms
HALF_S = 0.45


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Clips of known faces in one lake; in `two` the left face turns fake half way, the right one never does."""
    folder = tmp_path_factory.mktemp("overlay")
    lake = Lake.create(folder / "lake")
    count, sharp = len(TIMES), {**QUICK, "crf": "8"}
    pair = faces(count, [LEFT, RIGHT])
    one = faces(count, [LEFT])
    files = {"two.mp4": write_clip(folder / "two.mp4", pair, times=TIMES, sound=True, options=sharp)}
    upright = write_clip(folder / "upright.mp4", one, options=sharp)
    files["turned.mp4"] = turned(upright, folder / "turned.mp4", 90)
    files["odd.mkv"] = write_clip(
        folder / "odd.mkv", faces(count, [(20, 100)], (241, 161)), pix_fmt="yuv444p", options=sharp
    )
    files["stepped.mp4"] = write_clip(folder / "stepped.mp4", one[:12], fps=12, options=sharp)
    files["blank.mp4"] = write_clip(folder / "blank.mp4", faces(6, []), options=sharp)
    files["grows.ts"] = changing_size(folder / "grows.ts")
    mp2 = remux_with_mp2(files["two.mp4"], folder / "mp2.mkv")
    files["mp2.mkv"] = mp2
    stepped = Recipe(name="stepped", portrait_px=0, stride=3, max_frames=3)
    left = [(0.0, HALF_S, AUTHENTIC), (HALF_S + 0.01, 0.9, FAKE)]
    ids = {}
    for name, path in files.items():
        recipe = stepped if name.startswith("stepped") else None
        tracks = {} if name == "blank.mp4" else {0: at(*LEFT)} | ({1: at(*RIGHT, last=9)} if name == "two.mp4" else {})
        measured = (lambda frame: frame % 2 == 0) if name == "two.mp4" else (lambda frame: True)
        extra = {"recipe": recipe} if recipe else {}
        ids[name] = add(lake, path, tracks, measured=measured, **extra)
        if tracks:
            said = {0: left} | ({1: [(0.0, 0.4, SUSPICIOUS)]} if 1 in tracks else {})
            say(lake, ids[name], said, **extra)
    promote(lake)
    return SimpleNamespace(lake=lake, ids=ids, files=files, folder=folder, written={})


def remux_with_mp2(source, target):
    """The same pictures with sound that no browser plays."""
    with av.open(str(source)) as read, av.open(str(target), "w") as write:
        video = write.add_stream_from_template(read.streams.video[0])
        sound = write.add_stream("mp2", rate=16_000)
        for packet in read.demux(read.streams.video[0], read.streams.audio[0]):
            if packet.stream.type == "video" and packet.dts is not None:
                packet.stream = video
                write.mux(packet)
            elif packet.stream.type == "audio":
                for frame in packet.decode():
                    write.mux(sound.encode(frame))
        write.mux(sound.encode(None))
    return target


def overlaid(made, name):
    """The overlay of a clip, written once: what was done, its pictures (BGR) and their times."""
    if name not in made.written:
        out = made.folder / "out" / f"{name}.mp4"
        done = write_overlay(made.lake, facts_of(made.lake, made.ids[name]), out)
        shown = [(frame.full(), frame.pts_s) for frame in decode(out, probe(out))]
        made.written[name] = SimpleNamespace(
            done=done, path=out, pictures=[p for p, _ in shown], times=[t for _, t in shown]
        )
    return made.written[name]


def around(picture, corner):
    """Share of the pixels just around a made face that have each band's colour."""
    x, y = corner
    mask = np.zeros(picture.shape[:2], bool)
    mask[y - 1 : y + SIDE + 2, x - 1 : x + SIDE + 2] = True
    mask[y + 2 : y + SIDE - 1, x + 2 : x + SIDE - 1] = False
    ring = picture[mask].astype(int)
    return {band: (np.abs(ring - colour).max(1) < 60).mean() for band, colour in COLOURS.items()}


def band(picture, corner):
    """The band whose colour is around the face, None where there is no box."""
    shares = around(picture, corner)
    best = max(shares, key=shares.get)
    return best if shares[best] > 0.2 else None


def test_every_face_of_a_frame_has_its_own_band(made):
    two = overlaid(made, "two.mp4")
    assert (band(two.pictures[2], LEFT), band(two.pictures[2], RIGHT)) == ("authentic", "suspicious")
    assert two.done.faces == len(TIMES) + 10


def test_a_face_has_the_band_of_the_moment(made):
    two = overlaid(made, "two.mp4")
    bands = [band(picture, LEFT) for picture in two.pictures]
    assert bands == ["fake" if ms / 1000 > HALF_S else "authentic" for ms in TIMES]


def test_on_a_video_that_its_marks_call_fake_no_face_is_called_authentic(made, tmp_path):
    facts = facts_of(made.lake, made.ids["two.mp4"])
    by_marks = replace(facts, verdict=replace(facts.verdict, provenance="generated by fakelake", band="fake"))
    assert by_marks.by_marks and not facts.by_marks
    write_overlay(made.lake, by_marks, tmp_path / "out.mp4")
    pictures = [frame.full() for frame in decode(tmp_path / "out.mp4", probe(tmp_path / "out.mp4"))]
    assert {band(picture, LEFT) for picture in pictures[::2]} == {UNNAMED}
    assert len(pictures) == len(TIMES)


def test_where_the_lake_has_no_box_none_is_drawn(made):
    two = overlaid(made, "two.mp4")
    assert [band(picture, RIGHT) for picture in two.pictures[8:12]] == ["suspicious", "suspicious", None, None]


def test_a_box_between_two_detections_is_dashed(made):
    two = overlaid(made, "two.mp4")
    measured, between = (around(two.pictures[n], LEFT)["authentic"] for n in (2, 3))
    assert 0.3 * measured < between < 0.8 * measured


def test_frames_stand_at_the_times_of_the_source_variable_as_they_are(made):
    assert overlaid(made, "two.mp4").times == pytest.approx([ms / 1000 for ms in TIMES], abs=1e-6)
    with av.open(str(made.files["two.mp4"])) as source, av.open(str(overlaid(made, "two.mp4").path)) as out:
        times = [[frame.time for frame in file.decode(video=0)] for file in (source, out)]
    assert times[1] == pytest.approx(times[0], abs=1e-6)


def test_a_browser_plays_it(made):
    path = overlaid(made, "two.mp4").path
    data = path.read_bytes()
    assert data.find(b"moov") < data.find(b"mdat")
    with av.open(str(path)) as file:
        codec = file.streams.video[0].codec_context
        assert (codec.name, codec.pix_fmt, codec.profile) == ("h264", "yuv420p", "High")


def test_the_sound_is_the_source_s_own_packets(made):
    assert overlaid(made, "two.mp4").done.sound == "copied"
    packets = []
    for path in (made.files["two.mp4"], overlaid(made, "two.mp4").path):
        with av.open(str(path)) as file:
            shown = [packet for packet in file.demux(file.streams.audio[0]) if packet.size]
            packets.append([(round(packet.pts * float(packet.time_base), 2), bytes(packet)) for packet in shown])
    assert len(packets[0]) > 10 and packets[0] == packets[1]


def test_sound_that_browsers_do_not_play_becomes_aac(made):
    done = overlaid(made, "mp2.mkv")
    assert done.done.sound == "AAC"
    with av.open(str(done.path)) as file:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
        rate = file.streams.audio[0].rate
    assert abs(len(heard) / rate - (len(TIMES) + 1) / 25) < 0.2
    peak = np.abs(np.fft.rfft(heard)).argmax() * rate / len(heard)
    assert peak == pytest.approx(0.17 * 16_000 / (2 * np.pi), rel=0.02)  # the tone of the source


def test_a_video_without_sound_stays_silent(made):
    assert overlaid(made, "turned.mp4").done.sound == "none"


def test_the_boxes_of_a_turned_video_land_on_the_face(made):
    turned_one = overlaid(made, "turned.mp4")
    assert turned_one.pictures[0].shape == (160, 240, 3)
    assert band(turned_one.pictures[5], LEFT) == "authentic"
    with av.open(str(turned_one.path)) as file:
        assert next(file.decode(video=0)).rotation == 0


def test_odd_sides_are_padded_and_nothing_is_cut(made):
    odd = overlaid(made, "odd.mkv")
    assert odd.pictures[0].shape == (162, 242, 3)
    assert band(odd.pictures[3], (20, 100)) == "authentic"
    source = next(iter(decode(made.files["odd.mkv"], probe(made.files["odd.mkv"])))).full()
    assert np.abs(odd.pictures[0][:60, 150:241].astype(int) - source[:60, 150:241]).mean() < 3


def test_colours_away_from_the_faces_stay_as_they_were(made):
    pictures = decode(made.files["two.mp4"], probe(made.files["two.mp4"]))
    for frame, picture in zip(pictures, overlaid(made, "two.mp4").pictures, strict=True):
        ground, inside = np.s_[:50, :], np.s_[LEFT[1] + 6 : LEFT[1] + SIDE - 6, LEFT[0] + 6 : LEFT[0] + SIDE - 6]
        assert np.abs(frame.full()[ground].mean((0, 1)) - picture[ground].mean((0, 1))).max() < 1.5
        assert np.abs(frame.full()[inside].mean((0, 1)) - picture[inside].mean((0, 1))).max() < 6


def test_between_the_frames_that_a_recipe_keeps_the_last_box_stands_and_after_them_the_video_says_so(made):
    stepped = overlaid(made, "stepped.mp4")  # looks at frames 0, 3, 6
    assert [band(picture, LEFT) for picture in stepped.pictures[:7]] == ["authentic"] * 6 + ["fake"]
    assert [band(picture, LEFT) for picture in stepped.pictures[9:]] == [None] * 3
    note = [picture[-12:, :60].min() < 60 for picture in stepped.pictures]
    assert note == [False] * 7 + [True] * 5


def test_a_video_whose_size_changes_keeps_one_size(made):
    grows = overlaid(made, "grows.ts")
    assert {picture.shape for picture in grows.pictures} == {(120, 160, 3)} and grows.done.frames == 50


def test_memory_does_not_grow_with_the_length(made, tmp_path):
    peaks = []
    for frames in (30, 100):
        path = write_clip(tmp_path / f"{frames}.mp4", faces(1, [LEFT]) * frames, options=QUICK)
        video_id = add(made.lake, path, {0: at(*LEFT)})
        say(made.lake, video_id, {0: [(0.0, 0.3, FAKE)]})
        facts = facts_of(made.lake, video_id)
        tracemalloc.start()
        write_overlay(made.lake, facts, tmp_path / "out.mp4")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    one_picture = 240 * 160 * 3
    assert peaks[1] - peaks[0] < 6 * one_picture


def test_a_vanished_and_a_changed_source_are_named_and_nothing_is_left(made, tmp_path):
    path = write_clip(tmp_path / "gone <b>.mp4", faces(6, [LEFT], (200, 160)), options=QUICK)
    video_id = add(made.lake, path, {0: at(*LEFT)})
    say(made.lake, video_id, {0: [(0.0, 0.3, FAKE)]})
    facts, out, data = facts_of(made.lake, video_id), tmp_path / "out" / "a.mp4", path.read_bytes()
    path.write_bytes(data[:-1] + b"?")
    with pytest.raises(SourceUnfit, match=r"gone <b>\.mp4: it holds other bytes now"):
        write_overlay(made.lake, facts, out)
    path.unlink()
    with pytest.raises(SourceUnfit, match=r"gone <b>\.mp4 is no longer there"):
        write_overlay(made.lake, facts, out)
    assert list(out.parent.iterdir()) == []
    path.write_bytes(data)  # back, with another date
    assert write_overlay(made.lake, facts, out).frames == 6
    with pytest.raises(ValueError, match="is the video itself"):
        write_overlay(made.lake, facts, path)
    assert path.read_bytes() == data


def test_a_video_without_a_face_has_nothing_to_draw(made, tmp_path):
    with pytest.raises(NothingToDraw, match=r"blank\.mp4 has no scored face to draw: no face"):
        write_overlay(made.lake, facts_of(made.lake, made.ids["blank.mp4"]), tmp_path / "a.mp4")
