import cv2
import numpy as np
import pytest

from fakelake.tasks.drift import Limits, Side, compare
from fakelake.tasks.drift_plot import drift_picture


def side(seed, count, *, height=100.0, codecs=None, faceless=3):
    rng = np.random.default_rng(seed)
    return Side(
        scores=rng.normal(-2, 2, count), face_heights=rng.normal(height, 10, count),
        sharpness=rng.lognormal(5, 1, count), faces={"with a face": count, "no face": faceless},
        codecs=codecs or {"h264": count + faceless},
    )  # fmt: skip


def draw(reference, recent):
    return drift_picture(compare(reference, recent, Limits()), reference, recent, "Since Monday")


@pytest.fixture
def panels(monkeypatch):
    """Draw, and get the panels' axes."""
    drawn = []

    def panels(reference, recent):
        with monkeypatch.context() as patch:
            patch.setattr("fakelake.tasks.drift_plot.FigureCanvasAgg", drawn.append)
            draw(reference, recent)
        return drawn[-1].axes

    return panels


def test_the_picture_is_a_png_with_something_drawn_on_it():
    picture = cv2.imdecode(np.frombuffer(draw(side(0, 200), side(1, 100)), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (840, 1440, 3)
    assert 0.5 < np.mean(picture == 255) < 0.97


def test_each_panel_says_whether_its_measure_has_drifted(panels):
    said = [axes.get_title() for axes in panels(side(0, 200), side(1, 100, height=60))]
    assert said == ["Score: no drift", "Face height: drifted", "Sharpness: no drift", "Videos without a face: no drift",
                    "Codec mix: no drift", ""]  # fmt: skip


def test_each_panel_names_its_axis_and_both_numbers_of_videos(panels):
    words = [axes.get_xlabel() for axes in panels(side(0, 200), side(1, 100))[:5]]
    assert all(word.endswith(("n=200 and 100", "n=203 and 103")) and "PSI" in word for word in words)
    assert "pixels" in words[1] and "Laplacian" in words[2]


def test_the_curves_of_both_sides_hold_all_their_videos(panels):
    for axes in panels(side(0, 200), side(1, 100))[:3]:
        assert [sum(stairs.get_data().values) for stairs in axes.patches] == pytest.approx([1, 1])


def test_rare_codecs_share_a_bar(panels):
    many = {"h264": 900, "hevc": 50, **{f"codec {i}": 5 for i in range(10)}}
    codecs = panels(side(0, 200, codecs=many), side(1, 100, codecs={"h264": 90, "av1": 10}))[4]
    assert [label.get_text() for label in codecs.get_yticklabels()][:3] == ["h264", "av1", "hevc"]
    assert codecs.get_yticklabels()[-1].get_text() == "others" and len(codecs.get_yticks()) == 6
    assert {text.get_text().strip() for text in codecs.texts} >= {"90.0%", "10.0%", "4.0%"}


def test_where_nothing_came_there_is_still_a_picture(panels):
    empty = Side(scores=np.array([]), face_heights=np.array([]), sharpness=np.array([]), faces={}, codecs={})
    titles = [axes.get_title() for axes in panels(side(0, 200), empty)[:5]]
    assert all(title.endswith("not told") for title in titles)
    assert draw(empty, empty)
