"""The lists of the desk: what the filters say, in the order that is asked for, and what comes next."""

import pytest
from django.http import QueryDict

from fakelake.review.service.listing import Filters, choices, list_videos, next_after
from fakelake.review.service.reader import LakeReader


@pytest.fixture(scope="module")
def reader(made, django_of):
    reader = LakeReader(made.lake)
    yield reader
    reader.close()


def listed(reader, made, query="", **more):
    names = {video_id: name for name, video_id in made.ids.items()} | {"a" * 64: "torn.mp4"}
    page = list_videos(reader, Filters.from_query(QueryDict(query)), **more)
    return [names[row["video_id"]] for row in page.rows]


def test_without_a_word_it_is_the_queue_the_most_urgent_first(reader, made):
    assert listed(reader, made) == ["two.mp4", "odd.mp4"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("band=authentic", {"calm.mp4"}),
        ("band=not_applicable", {"blank.mp4"}),
        ("band=waiting", {"new.mp4"}),
        ("band=failed", {"torn.mp4"}),
        ("find=CALM", {"calm.mp4"}),
        ("find=%25", set()),
        ("state=", {"two.mp4", "calm.mp4", "odd.mp4", "blank.mp4", "new.mp4", "torn.mp4"}),
        ("dataset=nowhere", set()),
        ("since=2000-01-01&until=2000-01-02", set()),
        ("find=calm&band=nonsense&state=nonsense&order=nonsense&since=nonsense", {"calm.mp4"}),
    ],
)
def test_filters_leave_what_they_say(reader, made, query, names):
    assert set(listed(reader, made, query)) == names


def test_an_address_made_of_filters_gives_the_same_filters():
    filters = Filters(band=("fake",), dataset="a b&c", state="", order="newest", find="x%y")
    assert Filters.from_query(QueryDict(filters.query())) == filters
    assert Filters.from_query(QueryDict(Filters(band=()).query())) == Filters(band=())


def test_a_video_whose_decision_is_on_its_way_has_left_the_queue(reader, made):
    assert listed(reader, made, hidden=[made.ids["two.mp4"]]) == ["odd.mp4"]


def test_next_goes_down_the_list_and_begins_again_at_its_end(reader, made):
    ids, queue = made.ids, Filters()
    assert next_after(reader, queue) == ids["two.mp4"]
    assert next_after(reader, queue, ids["two.mp4"]) == ids["odd.mp4"]
    assert next_after(reader, queue, ids["odd.mp4"]) == ids["two.mp4"]
    assert next_after(reader, queue, ids["odd.mp4"], hidden=[ids["two.mp4"]]) is None


def test_next_after_a_video_that_has_left_the_list_goes_on_from_where_it_stood(reader, made):
    assert next_after(reader, Filters(), made.ids["two.mp4"], hidden=[made.ids["two.mp4"]]) == made.ids["odd.mp4"]


def test_a_page_beyond_the_last_is_the_last(reader):
    page = list_videos(reader, Filters(), 99)
    assert (page.number, page.pages, page.total) == (1, 1, 2)


def test_there_is_to_choose_from_what_the_lake_has(reader):
    assert choices(reader) == {"dataset": ["made"], "model": ["1"]}
