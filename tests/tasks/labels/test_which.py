import pytest

from fakelake.tasks.labels.match import Source
from fakelake.tasks.labels.which import VideoNotFound, find_video

HERE = [
    Source(uri="file:///a/one/clip.mp4", video_id="aaaaaa11" + "0" * 56),
    Source(uri="file:///a/two/clip.mp4", video_id="aaaaaa22" + "0" * 56),
    Source(uri="file:///a/two/my%20film.mp4", video_id="bbbbbb33" + "0" * 56),
]


@pytest.mark.parametrize(
    "text", ["my film.mp4", "two/my film.mp4", "file:///a/two/my%20film.mp4", "bbbbbb", "BBBBBB33"]
)
def test_a_video_is_named_by_file_by_place_or_by_the_beginning_of_its_id(text):
    assert find_video(text, HERE) == HERE[2].video_id


@pytest.mark.parametrize("text", ["clip.mp4", "aaaaaa"])
def test_a_name_of_two_videos_lists_them_both(text):
    with pytest.raises(VideoNotFound, match=r"(?s)fits 2 videos.*aaaaaa11.*/a/one/clip.*aaaaaa22.*/a/two/clip"):
        find_video(text, HERE)


@pytest.mark.parametrize("text", ["ip.mp4", "bbbbb", "gone.mp4", ""])
def test_what_fits_nothing_says_how_to_name_a_video(text):
    with pytest.raises(VideoNotFound, match="6 digits"):
        find_video(text, HERE)
