"""Plots say with lengths what the numbers say, and can be read without seeing them."""

import re
from xml.etree import ElementTree

import pytest

from fakelake.review.service.insight.charts import (
    Bar,
    Dot,
    Words,
    compact,
    dots,
    lying_bars,
    shortened,
    standing_bars,
    ticks,
)

WORDS = Words(key="k", title="Videos by age", text="old: 2; new: 1", unit="videos", across="day")


def read(text):
    return ElementTree.fromstring(text)


def boxes(text, measure):
    return [float(box.get(measure)) for box in read(text).iter("rect")]


def test_a_bar_of_twice_the_value_is_twice_as_long():
    one, two, ten = boxes(lying_bars(WORDS, [Bar("a", {"fake": n}) for n in (70, 140, 700)]), "width")
    assert two == pytest.approx(2 * one, rel=1e-3) and ten == pytest.approx(10 * one, rel=1e-3)
    one, two, ten = boxes(standing_bars(WORDS, [Bar("a", {"fake": n}) for n in (70, 140, 700)], {}), "height")
    assert two == pytest.approx(2 * one, rel=1e-3) and ten == pytest.approx(10 * one, rel=1e-3)


def test_every_bar_begins_at_zero_where_the_axis_is():
    picture = read(lying_bars(WORDS, [Bar("a", {"fake": 3}), Bar("b", {"fake": 90})]))
    assert {box.get("x") for box in picture.iter("rect")} == {"4"}
    assert [line.get("x1") for line in picture.iter("line") if line.get("class") == "axis"] == ["4"]
    picture = read(standing_bars(WORDS, [Bar("a", {"fake": 3}), Bar("b", {"fake": 90})], {}))
    [ground] = [float(line.get("y1")) for line in picture.iter("line") if line.get("class") == "axis"]
    assert {float(box.get("y")) + float(box.get("height")) for box in picture.iter("rect")} == {ground}


def test_parts_of_a_bar_follow_one_another_without_a_gap():
    text = lying_bars(WORDS, [Bar("a", {"fake": 1, "suspicious": 2, "authentic": 0, "waiting": 3})])
    starts, widths = boxes(text, "x"), boxes(text, "width")
    assert len(widths) == 3, "what is nothing is not drawn"
    assert starts[1] == pytest.approx(starts[0] + widths[0], abs=0.01)
    assert starts[2] == pytest.approx(starts[1] + widths[1], abs=0.01)


def test_ticks_begin_at_zero_and_reach_the_largest_value_in_few_round_steps():
    for most in (1, 3, 7, 19, 94_133, 0.34, 1e7):
        steps = ticks(most, whole=most >= 1)
        assert steps[0] == 0 and steps[-1] >= most and 2 <= len(steps) <= 6
    assert ticks(2) == [0, 1, 2], "there are no half videos"
    assert ticks(0) == [0, 1]
    assert [compact(n) for n in (0, 950, 1200, 34_000, 5_600_000, 0.25)] == ["0", "950", "1.2k", "34k", "5.6M", "0.25"]


def test_a_line_stands_where_its_value_is_on_the_axis():
    words = Words(
        key="k", title="t", text="t", unit="videos", lines=[(0.5, "suspicious from 0.5"), (0.9, "fake from 0.9")]
    )
    picture = read(standing_bars(words, [Bar("a", {"fake": 1})] * 20, {0: "0", 10: "0.5", 20: "1"}))
    middle, high = (float(line.get("x1")) for line in picture.iter("line") if line.get("class") == "threshold")
    place = {text.text: float(text.get("x")) for text in picture.iter("text")}
    assert middle == pytest.approx(place["0.5"])
    assert high == pytest.approx(place["0"] + 0.9 * (place["1"] - place["0"]))


def test_a_mark_of_a_lying_bar_is_measured_as_the_bar_is():
    picture = read(lying_bars(WORDS, [Bar("a", {"steady": 0.2}, mark=0.2)], whole=False))
    [box], [mark] = picture.iter("rect"), [line for line in picture.iter("line") if line.get("class") == "mark"]
    assert float(mark.get("x1")) == pytest.approx(float(box.get("x")) + float(box.get("width")), abs=0.01)


def test_a_dot_lies_on_its_interval_on_an_axis_from_nothing_to_all():
    picture = read(dots(WORDS, [Dot("version 1", 0.0, 0.5, 1.0)]))
    [circle] = picture.iter("circle")
    line = next(line for line in picture.iter("line") if line.get("class") == "interval k-scored")
    ticks_at = {text.text: float(text.get("x")) for text in picture.iter("text")}
    assert float(circle.get("cx")) == pytest.approx((float(line.get("x1")) + float(line.get("x2"))) / 2)
    assert float(circle.get("cx")) == pytest.approx(ticks_at["50%"])


def test_who_does_not_see_it_hears_what_it_shows():
    picture = read(lying_bars(WORDS, [Bar("a", {"fake": 3}, "3 videos")]))
    assert picture.get("role") == "img"
    said = {element.get("id"): element.text for element in picture.iter() if element.get("id")}
    assert [said[key] for key in picture.get("aria-labelledby").split()] == ["Videos by age", "old: 2; new: 1"]
    assert "videos" in [text.text for text in picture.iter("text")], "the axis has its unit"


def test_colours_come_from_classes_alone():
    drawn = [
        lying_bars(WORDS, [Bar("a", {"fake": 3}, mark=2)]), standing_bars(WORDS, [Bar("a", {"fake": 3})], {}),
        dots(WORDS, [Dot("a", 0, 0.5, 1)]),
    ]  # fmt: skip
    assert not re.search(r"style=|fill=|stroke=|#[0-9a-f]{3}|<script", "".join(drawn))


def test_markup_in_a_name_is_text_and_a_long_name_is_cut():
    text = lying_bars(WORDS, [Bar('<script>alert("x")</script>', {"fake": 1}, "<b>")])
    assert "<script" not in text and "&lt;script&gt;" in text
    assert shortened("x" * 50) == "x" * 33 + "…"
    assert "\x07" not in lying_bars(WORDS, [Bar("bell\x07", {"fake": 1})]), "no control character reaches the page"


def test_nothing_at_all_can_be_drawn():
    assert boxes(lying_bars(WORDS, []), "width") == []
    assert boxes(standing_bars(WORDS, [Bar("a", {"fake": 0})], {}), "height") == []
