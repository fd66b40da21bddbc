"""The page that says why: which frame decided, where the network looked, and what the figure means."""

import base64
import re
from datetime import UTC, datetime
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from fakelake.catalog.lake import Lake
from fakelake.models.detector.gradcam import heat_maps, overlay
from fakelake.models.detector.network import fake_logit
from fakelake.tasks.evidence import CropsChanged
from fakelake.tasks.explain import MOST_TRACKS, explain
from fakelake.tasks.explain_words import at_prevalence, calibration, decision, meaning, percent
from fakelake.tasks.face_strip import Tile, spread, strip
from fakelake.tasks.face_tracks import CropReader, face_tracks
from fakelake.tasks.facts import NotScored, Reading, Window, facts_of
from fakelake.tasks.score_chart import MOST_BARS, windows_chart
from tests.media import write_clip
from tests.tasks.explained import RECIPE, add, at, faces, network, promote, say, score
from tests.tasks.reading import QUICK

NAME = '<script>alert(1)<img src=x>&"two".mp4'


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two faces of 24 frames under an odd name, scored by a network; a video without a face, one without a score."""
    folder = tmp_path_factory.mktemp("explain")
    lake, detector = Lake.create(folder / "lake"), network()
    two = write_clip(folder / NAME, faces(24, [(10, 20), (150, 60)]), fps=12, options=QUICK)
    blank = write_clip(folder / "blank.mp4", faces(9, []), options=QUICK)
    new = write_clip(folder / "new.mp4", faces(8, [(0, 0)]), options=QUICK)
    ids = SimpleNamespace(
        two=add(lake, two, {0: at(10, 20), 1: at(150, 60), 2: at(150, 60, last=3)}),
        blank=add(lake, blank, {}), new=add(lake, new, {0: at(0, 0)}),
    )  # fmt: skip
    score(lake, ids.two, detector[0])
    with pytest.raises(NotScored) as early:
        facts_of(lake, ids.two)
    promote(lake)
    lake.append("labels", [
        {"video_id": "b" * 64, "label": "fake", "origin": "moderator", "labelled_by": "Ann"},
        {"video_id": ids.new, "label": "real", "origin": "moderator", "labelled_by": "Bo"},
    ], publish=False)  # fmt: skip
    pair = sorted((ids.blank, ids.new))
    lake.append("near_matches", [{"video_id": pair[0], "match_id": pair[1], "bits": 1.0}], publish=False)
    lake.append("quarantine", [{
        "uri": "file:///in/broken.mp4", "video_id": "b" * 64, "stage": "probe", "error": "truncated",
        "message": "broken.mp4 <ends> early.", "at": datetime.now(UTC),
    }])  # fmt: skip
    return SimpleNamespace(lake=lake, model=detector, ids=ids, before_promotion=str(early.value))


@pytest.fixture(scope="module")
def page(made, tmp_path_factory):
    out = tmp_path_factory.mktemp("page")
    facts = facts_of(made.lake, made.ids.two)
    explained = explain(made.lake, facts, made.model, out)
    return SimpleNamespace(facts=facts, **{name: getattr(explained, name) for name in explained.__slots__},
                           html=explained.page.read_text(), out=out)  # fmt: skip


def worst_clip(made, facts):
    """Crops of the highest window of the worst track, found in the tables and not by the code under test."""
    rows = [r for r in made.lake.read("scores").to_pylist() if r["video_id"] == facts.verdict.video_id]
    means = {t: np.mean([r["logit"] for r in rows if r["track_id"] == t]) for t in (0, 1)}
    track_id = max(means, key=means.get)
    window = max((r for r in rows if r["track_id"] == track_id), key=lambda r: r["logit"])
    tracks = face_tracks(made.lake, RECIPE.recipe_id, 0.0, [facts.verdict.video_id])
    (track,) = [t for t in tracks if t.track_id == track_id]
    first = window["window"] * 6
    return track, first, CropReader(made.lake).read(track, slice(first, first + 6), 112)


def test_the_frame_that_decided_has_the_highest_logit_of_the_worst_window_of_the_worst_face(made, page):
    track, first, crops = worst_clip(made, page.facts)
    clip = torch.from_numpy(crops.transpose(0, 3, 1, 2).copy())[None]
    with torch.no_grad():
        states = made.model[0].states(clip, torch.ones(1, 6, dtype=torch.bool))
        logits = fake_logit(made.model[0].decide(states))[0].numpy()
    assert np.ptp(logits) > 0.5  # or any frame would do
    evidence = page.evidence
    assert (evidence.track.track_id, evidence.at) == (track.track_id, slice(first, first + 6))
    assert evidence.decided == logits.argmax()
    assert evidence.window.start_s == page.facts.verdict.worst_second
    shown = cv2.resize(cv2.imread(str(page.out / "frame.png")), (112, 112), interpolation=cv2.INTER_AREA)
    distance = [np.abs(shown[..., ::-1].astype(int) - crop).mean() for crop in crops]
    assert int(np.argmin(distance)) == evidence.decided
    assert f"frame {int(track.frames[first + evidence.decided])} of the video" in page.html


def test_the_heat_map_is_of_the_network_that_scored(made, page):
    _, _, crops = worst_clip(made, page.facts)
    expected = heat_maps(made.model[0], crops)[page.evidence.decided]
    assert expected.max() > 0
    assert np.allclose(page.evidence.heat[page.evidence.decided], expected, atol=1e-5)
    others = (heat_maps(network(seed)[0], crops)[page.evidence.decided] for seed in range(1, 30))
    other = next(heat for heat in others if heat.max() > 0)  # some networks see nothing fake here
    assert np.abs(other - expected).max() > 0.1
    shown = cv2.resize(cv2.imread(str(page.out / "heat.png")), (112, 112), interpolation=cv2.INTER_AREA)[..., ::-1]
    crop = crops[page.evidence.decided]
    own = (heat / heat.max() for heat in (other, expected))  # the large picture is on the frame's own scale
    far, near = (np.abs(shown.astype(int) - overlay(crop, heat)).mean() for heat in own)
    assert near < 4 and near < far / 2


def test_the_windows_are_those_of_the_timeline(made, page):
    with made.lake.connect() as connection:
        rows = connection.execute(
            'SELECT track_id, "window", start_s, end_s, logit, p_fake FROM timeline WHERE video_id = ? ORDER BY ALL',
            [made.ids.two],
        ).fetchall()
    assert len(rows) == 8
    reading = page.facts.reading
    ours = [(w.track_id, w.number, w.start_s, w.end_s, w.logit, reading.p_fake(w.logit)) for w in page.facts.windows]
    assert ours == [pytest.approx(row) for row in rows]


def test_the_page_needs_no_other_file_no_network_and_no_script(page):
    assert "<script" not in page.html and "<img src=x" not in page.html
    assert "&lt;script&gt;alert(1)&lt;img src=x&gt;&amp;&quot;two&quot;.mp4" in page.html
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', page.html)
    assert sources and all(source.startswith("data:image/") for source in sources)
    assert "http" not in page.html.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert "prefers-color-scheme: dark" in page.html


def test_its_pictures_are_files_too_and_the_same_bytes(page):
    names = {path.name for path in page.pictures}
    assert {"frame.png", "heat.png", "neighbours.jpg", "worst_second.jpg", "face0.jpg", "face1.jpg"} <= names
    assert {"frames.svg", "face0_scores.svg", "face1_scores.svg"} <= names
    inlined = {base64.b64decode(data) for data in re.findall(r'base64,([^"]+)"', page.html)}
    assert inlined == {path.read_bytes() for path in page.pictures if path.suffix in (".png", ".jpg")}
    assert {path.name for path in page.out.iterdir()} == names | {"index.html"}


def test_the_page_says_verdict_model_recipe_calibration_and_that_the_score_was_reproduced(made, page):
    verdict = page.facts.verdict
    text = re.sub(r"<[^>]+>", " ", page.html)
    for said in (
        *(verdict.video_id, verdict.scored_at, f"p_fake {percent(verdict.p_fake)}", "detector 1", RECIPE.recipe_id),
        *("c1, ", "150 authentic and 50 fake videos", "no mark on record", "Scored again for this page"),
        "Seen too briefly to be scored: 2.",
    ):
        assert said in text, said
    assert "Careful" not in text


def test_another_network_than_the_one_that_scored_is_told_apart(made, page, tmp_path):
    html = explain(made.lake, page.facts, network(seed=1), tmp_path).page.read_text()
    titles = re.findall("<h2>([^<]+)", html)
    assert titles[:3] == ["What the figure means", "Careful", "The frame that decided"]
    assert "but " in html and "may not be the one that was scored with" in html


def test_a_video_without_a_face_and_one_that_failed_get_a_plain_page_with_the_reason(made, tmp_path):
    for video_id, band, reason in (
        (made.ids.blank, "Not applicable", "no face in 9 frames"),
        ("b" * 64, "Failed", "broken.mp4 &lt;ends&gt; early."),
    ):
        explained = explain(made.lake, facts_of(made.lake, video_id), None, tmp_path / band)
        html = explained.page.read_text()
        assert band in html and reason in html and "<img" not in html
        assert explained.pictures == () and explained.evidence is None


def test_a_video_without_a_score_is_an_error_that_says_what_to_run(made):
    with pytest.raises(NotScored, match=r"The champion has not scored new.mp4 yet. Run: fakelake score"):
        facts_of(made.lake, made.ids.new)
    with pytest.raises(NotScored, match="fakelake score --model detector@7"):
        facts_of(made.lake, made.ids.two, "7")


def test_a_lake_without_a_champion_is_told_to_train_one(made):
    assert "fakelake train detector" in made.before_promotion


def test_crops_that_are_not_those_that_were_scored_are_refused(made, tmp_path):
    say(made.lake, made.ids.new, {0: [(0.0, 0.5, 1.0)]}, version="9")
    facts = facts_of(made.lake, made.ids.new, "9")
    assert facts.verdict.band is None and "not the champion" in facts.verdict.reason
    with pytest.raises(CropsChanged, match="fakelake catalog check"):
        explain(made.lake, facts, made.model, tmp_path)


def test_a_person_s_decision_is_shown_and_on_which_video_it_fell(made, tmp_path):
    facts = facts_of(made.lake, "b" * 64)
    assert decision(facts.verdict) == "Ann decided: fake."
    assert "When this was made: Ann decided: fake." in explain(made.lake, facts, None, tmp_path).page.read_text()
    near = decision(facts_of(made.lake, made.ids.blank).verdict)
    assert near == f"Bo decided on nearly the same footage, new.mp4 ({made.ids.new[:12]}): authentic."
    assert decision(facts_of(made.lake, made.ids.two).verdict) is None


def test_the_figure_is_put_in_words_for_a_rare_fake_too():
    reading = Reading(model_version="1", calibration_id="c", authentic=100, fake=100, fake_at=0.9, alpha=0.01)
    assert at_prevalence(0.5, 0.5, 0.01) == pytest.approx(0.01)
    assert "In an archive where 1 video in 100 is fake, the same evidence means about 8.3 %." in meaning(0.9, reading)
    assert "at most 1.0 % of authentic videos" in " ".join(calibration(reading))
    assert percent(0.99999) == "over 99.9 %" and percent(0) == "under 0.1 %"


def test_a_figure_that_rests_on_a_handful_of_videos_says_so_first():
    reading = Reading(model_version="1", calibration_id="c", authentic=150, fake=49)
    first, *more = meaning(0.0001, reading)
    assert first.startswith("Do not rely on this figure: it was calibrated on 150 authentic and 49 fake videos")
    assert "under 0.1 % of the ones with this figure" in more[0] and "about under" not in " ".join(more)
    assert "Do not rely" not in meaning(0.9, Reading(model_version="1", calibration_id="c", authentic=150, fake=50))[0]


def test_without_calibration_or_guarantee_the_page_promises_nothing():
    assert "is not a probability" in meaning(0.97, Reading(model_version="1"))[0]
    refused = Reading(model_version="1", calibration_id="c", refused="99 authentic videos are needed, there are 12")
    assert "No video is called fake: 99 authentic videos are needed, there are 12." in calibration(refused)
    assert refused.band(0.999) == "suspicious"


def test_a_long_video_s_chart_stays_small_and_keeps_the_worst_window_and_the_thresholds():
    windows = [Window(track_id=0, number=n, start_s=2.0 * n, end_s=2.0 * n + 1, frames=6, logit=-3.0 + n % 2)
               for n in range(5000)]  # fmt: skip
    worst = Window(track_id=0, number=1234, start_s=2468.0, end_s=2469.0, frames=6, logit=4.0)
    windows[1234] = worst
    reading = Reading(model_version="1", calibration_id="c", fake_at=0.93, suspicious_at=0.61)
    svg = windows_chart(windows, reading, 10_000.0, worst, "a <face>")
    assert svg.count('class="bar') == MOST_BARS and svg.count('class="worst"') == 1
    assert "2468.00 to 2469.00 s: p_fake 0.982" in svg
    assert "fake from 0.93" in svg and "suspicious from 0.61" in svg and "a &lt;face&gt;" in svg
    without = windows_chart(windows, Reading(model_version="1"), 10_000.0, None, "t")
    assert "fake from" not in without.replace("p_fake", "")


def test_of_a_crowd_the_worst_faces_are_shown_and_the_others_counted(made, tmp_path):
    lake, crowd = made.lake, MOST_TRACKS + 3
    clip = write_clip(tmp_path / "crowd.mp4", faces(6, [(0, 0)]), fps=12, options=QUICK)
    video_id = add(lake, clip, {track: at(0, 0) for track in range(crowd)})
    say(lake, video_id, {track: [(0.0, 5 / 12, float(track))] for track in range(crowd)})
    html = explain(lake, facts_of(lake, video_id), made.model, tmp_path / "out").page.read_text()
    titles = re.findall(r"<h2>Face (\d+) over time", html)
    assert titles == [str(track) for track in range(crowd - 1, 2, -1)]
    assert "3 more faces score lower than these." in html


def test_a_strip_frames_the_marked_tile_and_puts_words_under_each():
    crops = np.full((3, 50, 50, 3), 90, np.uint8)
    plain = strip([Tile((crop,), ["1.00 s"]) for crop in crops])
    marked = strip([Tile((crop,), ["1.00 s"], n == 1) for n, crop in enumerate(crops)])
    changed = np.flatnonzero((plain != marked).any((0, 2)))
    third = plain.shape[1] // 3
    assert third - 3 <= changed.min() and changed.max() <= 2 * third + 6
    assert spread(100, 5)[0] == 0 and spread(100, 5)[-1] == 99 and spread(3, 5) == [0, 1, 2]
