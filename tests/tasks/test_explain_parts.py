"""The page's panel on parts: what weighs most is named and shown, put on record once, and nothing is promised of it."""

import re
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from fakelake.catalog.lake import Lake
from fakelake.catalog.part_scores import commit_part_scores
from fakelake.models.detector.bundle import BundleConfig
from fakelake.tasks import part_scores
from fakelake.tasks.explain import explain
from fakelake.tasks.explain_parts import NO_GENERATOR
from fakelake.tasks.facts import Window, facts_of
from fakelake.tasks.part_scores import PartDrop, PartMean, means_of
from fakelake.tasks.parts_chart import bars_chart, over_time_chart
from tests.media import write_clip
from tests.tasks.explained import RECIPE, add, at, faces, promote, score
from tests.tasks.made_parts import FACE, MOUTH, looks_at, masks_of
from tests.tasks.reading import QUICK


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A face of 24 frames in 4 windows, scored by a detector that looks at its mouth."""
    folder = tmp_path_factory.mktemp("parts")
    lake, detector = Lake.create(folder / "lake"), looks_at(MOUTH)
    clip = write_clip(folder / "one.mp4", faces(24, [(100, 60)]), fps=12, options=QUICK)
    video_id = add(lake, clip, {0: at(100, 60)})
    score(lake, video_id, detector)
    promote(lake)
    config = BundleConfig(network=detector.config, recipe_id=RECIPE.recipe_id, crop_margin=0.0, trained={})
    return SimpleNamespace(lake=lake, model=(detector, config), video_id=video_id)


@pytest.fixture(scope="module")
def page(made, tmp_path_factory):
    out = tmp_path_factory.mktemp("page")
    explained = explain(made.lake, facts_of(made.lake, made.video_id), made.model, out, masks_of(FACE))
    return SimpleNamespace(out=out, html=explained.page.read_text(), parts=explained.parts)


def words(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_part_that_the_detector_looks_at_is_named_with_what_the_score_would_be_without_it(page):
    said = words(page.html)
    assert "In all 4 windows of face 0, each part was blurred" in said
    found = (
        r"Which part gave it away Of the parts, mouth weighs most. Where it weighs most of all, from ([\d.]+) s on, "
    )
    second, after, before = re.search(
        found + r"p_fake would be ([\d.]+) % without it in place of ([\d.]+) %", said
    ).groups()
    assert float(second) == pytest.approx(page.parts.means[0].largest_second, abs=0.01)
    assert float(after) < float(before) - 10
    assert "no proof that it was forged" in said and "a larger part weighs more" in said
    assert "generator version 4" in said and "The rest of the picture weighs more" not in said
    assert [mean.part for mean in page.parts.means] == ["mouth", "eyes", "rest"]


def test_bars_tell_drop_and_area_and_lines_go_through_every_window(page):
    bars, lines = ((page.out / name).read_text() for name in ("parts.svg", "parts_over_time.svg"))
    mouth = page.parts.means[0]
    assert f"mouth ({100 * mouth.area:.0f} % of the picture)" in bars and f">{mouth.drop:+.2f}<" in bars
    assert bars.count("<rect") == 3
    assert lines.count("<polyline") == 3 and lines.count("<circle") == 12 and lines.count("stroke-dasharray") >= 1
    assert bars.split("</style>")[1] in page.html


def test_the_pictures_show_each_part_lit_and_as_the_detector_was_shown_it(made, page):
    from fakelake.tasks.evidence import evidence_of, tracks_of
    from fakelake.tasks.face_tracks import CropReader

    facts = facts_of(made.lake, made.video_id)
    evidence = evidence_of(facts, tracks_of(made.lake, facts, 0.0), CropReader(made.lake), made.model[0])
    crop = evidence.crops[evidence.decided].astype(int)
    lit, shown = page.parts.shown["mouth"]
    changed = np.abs(shown - crop).max(-1) > 12
    ys, xs = np.nonzero(changed)
    assert 0.62 < ys.min() / 112 < 0.7 and 0.86 < ys.max() / 112 < 0.93
    assert 0.2 < xs.min() / 112 < 0.3 and 0.7 < xs.max() / 112 < 0.8
    plain = cv2.resize(crop.astype(np.uint8), (150, 150), interpolation=cv2.INTER_CUBIC).astype(int)
    assert np.abs(lit.astype(int) - plain)[105:125, 50:100].max() == 0  # inside the mouth
    assert np.abs(lit - 0.3 * plain)[70:90].max() <= 1  # above it
    assert cv2.imread(str(page.out / "parts.png")) is not None


def test_what_was_measured_goes_on_record_once_and_is_not_measured_again(made, page, tmp_path, monkeypatch):
    rows = page.parts.new_rows
    assert {(row["part"], row["window"]) for row in rows} == {
        (p, w) for p in ("mouth", "eyes", "rest") for w in range(4)
    }
    assert commit_part_scores(made.lake, rows) == 1
    monkeypatch.setattr(part_scores, "score_clips", lambda *a, **k: pytest.fail("measured again"))
    again = explain(made.lake, facts_of(made.lake, made.video_id), made.model, tmp_path, masks_of(FACE))
    assert again.parts.new_rows == () and commit_part_scores(made.lake, rows) == 0
    assert [(m.part, m.drop) for m in again.parts.means] == [(m.part, pytest.approx(m.drop)) for m in page.parts.means]
    with made.lake.connect() as connection:
        told = connection.execute('SELECT part, "drop", largest_drop, largest_second, area, windows FROM part_evidence')
        view = sorted(told.fetchall())
    ours = [(m.part, m.drop, m.largest_drop, m.largest_second, m.area, m.windows) for m in again.parts.means]
    assert view == [tuple(pytest.approx(x) if isinstance(x, float) else x for x in row) for row in sorted(ours)]


def test_another_generator_measures_anew(made, tmp_path):
    facts = facts_of(made.lake, made.video_id)
    other = explain(made.lake, facts, made.model, tmp_path, masks_of(FACE[2:3], version="5")).parts
    assert {row["generator_version"] for row in other.new_rows} == {"5"}
    assert {row["part"] for row in other.new_rows} == {"mouth", "rest"}


def test_without_a_generator_the_page_says_which_command_makes_one(made, tmp_path):
    explained = explain(made.lake, facts_of(made.lake, made.video_id), made.model, tmp_path)
    assert NO_GENERATOR in words(explained.page.read_text()) and "fakelake train generator" in NO_GENERATOR
    assert explained.parts.new_rows == () and not (tmp_path / "parts.svg").exists()


def test_a_generator_that_finds_nothing_on_the_face_is_said_to(made, tmp_path):
    above = [("hair", (0.0, -0.5, 1.0, -0.3))]
    explained = explain(made.lake, facts_of(made.lake, made.video_id), made.model, tmp_path, masks_of(above, "6"))
    html = words(explained.page.read_text())
    assert "No part, blurred by itself, makes the score fall" in html
    assert [mean.part for mean in explained.parts.means] == ["rest"]


def test_with_another_model_than_the_one_that_scored_no_part_is_measured(made, tmp_path):
    model = (looks_at(MOUTH, gain=3.0), made.model[1])
    explained = explain(made.lake, facts_of(made.lake, made.video_id), model, tmp_path, masks_of(FACE, "7"))
    assert "Not measured: the model at hand does not give the score on record." in words(explained.page.read_text())
    assert explained.parts.new_rows == ()


def test_of_a_long_video_the_highest_windows_are_measured(made, monkeypatch, tmp_path):
    monkeypatch.setattr(part_scores, "MOST_WINDOWS", 2)
    facts = facts_of(made.lake, made.video_id)
    explained = explain(made.lake, facts, made.model, tmp_path, masks_of(FACE, "8"))
    highest = sorted(facts.windows, key=lambda window: -window.logit)[:2]
    assert {row["window"] for row in explained.parts.new_rows} == {window.number for window in highest}
    assert "In the highest 2 of 4 windows of face 0" in words(explained.page.read_text())


def drop(part, drop, number, area=0.1):
    return PartDrop(part, drop, area, Window(track_id=0, number=number, start_s=2.0 * number, end_s=2.0 * number + 1,
                                             frames=6, logit=0.0))  # fmt: skip


def test_means_are_ordered_by_weight_with_the_rest_last_and_the_largest_drop_has_its_second():
    means = means_of([drop("rest", 9.0, 0), drop("eyes", 1.0, 0), drop("eyes", 3.0, 2, 0.3), drop("mouth", 2.5, 0)])
    assert means == [
        PartMean("mouth", 2.5, 2.5, 0.0, 0.1, 1), PartMean("eyes", 2.0, 3.0, 4.0, pytest.approx(0.2), 2),
        PartMean("rest", 9.0, 9.0, 0.0, 0.1, 1),
    ]  # fmt: skip


def test_charts_keep_their_names_apart_and_inside_where_all_parts_weigh_the_same():
    parts = ["eyes", "nose", "mouth", "jaw", "cheeks", "forehead", "hair", "<b>", "rest"]
    for last in (-0.5, 0.5):  # at the lower edge, and at the upper one
        svg = over_time_chart([drop(part, y, n) for part in parts for n, y in enumerate((-last, last))], parts, "t")
        heights = sorted(float(y) for y in re.findall(r'<text x="658" y="([-\d.]+)"', svg))
        assert len(heights) == 9 and np.diff(heights).min() >= 13
        assert heights[0] > 0 and heights[-1] < 210
    assert "&lt;b&gt;" in svg and "<b>" not in svg
    bars = bars_chart(means_of([drop("eyes", 0.5, 0), drop("mouth", -1.5, 0)]), "t")
    (red, blue) = re.findall(r'class="(\w+)" x="([\d.]+)" y="\d+" width="([\d.]+)"', bars)
    assert (red[0], blue[0]) == ("fake", "authentic") and float(blue[2]) == pytest.approx(3 * float(red[2]), rel=0.01)
