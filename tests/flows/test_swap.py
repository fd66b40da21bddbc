"""`fakelake swap` as a user runs it: permitted, marked, signed, on record, and in the lake."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from fakelake.catalog.lake import Lake
from fakelake.infra.settings import Settings
from fakelake.infra.store_of import credentials_directory
from fakelake.tasks.marks import credentials
from fakelake.tasks.marks.certificate import signer_of
from tests.integration.commands import query, run
from tests.integration.swap_lake import FRAMES, agree, played, small, swap_lake
from tests.media import packaged_clip


@pytest.fixture(scope="module")
def made(pipeline, tmp_path_factory):
    return swap_lake(tmp_path_factory.mktemp("swap"))


def swap(made, *more, code=0, source=None, parts="mouth", out=None):
    asked = ("--source", source or made.bob, "--target", "ann.mp4", "--parts", parts, "--out", out or made.out)
    return run("swap", *asked, "--lake", made.lake, *more, code=code)


def rows(made, table):
    return Lake.open(made.lake).read(table).to_pylist()


# In this order: first nobody has agreed.


def test_without_permission_on_record_nobody_is_swapped(made):
    done = swap(made, code=1)
    ids = {r["name"]: r["video_id"][:12] for r in rows(made, "sources")}
    for name in ("ann.mp4", "bob.mp4"):
        assert f"{name}: no use permission is on record" in done.stderr
        assert f"fakelake consent {ids[name]} --permission swap --source" in done.stderr
    assert not made.out.exists() and rows(made, "labels") == []


def test_a_part_that_the_generator_does_not_have_is_told_with_those_it_has(made):
    agree(made)
    done = swap(made, code=2, parts="mouth,ears")
    assert "no part 'ears'. Its parts: cheeks, eyes, mouth." in done.stderr


def test_what_goes_wrong_half_way_leaves_nothing(made, monkeypatch):
    def fail(*_, **__):
        raise credentials.NotSigned("the disk is full")

    monkeypatch.setattr(credentials, "sign", fail)
    assert "the disk is full" in swap(made, code=1).stderr
    assert list(made.out.parent.iterdir()) == []
    assert rows(made, "labels") == [] and not [r for r in rows(made, "runs") if r["flow"] == "swap"]


def test_a_swap_is_marked_signed_on_record_and_in_the_lake(made):
    left = made.out.parent / f".{made.out.name}.swap"  # by a process that was killed
    left.mkdir()
    (left / "unsigned.mp4").write_bytes(b"half")
    done = swap(made, "--json").json
    assert sorted(path.name for path in made.out.parent.iterdir()) == ["swapped.mp4", "swapped.report.png"]
    assert (done["frames"]["swapped"], done["frames"]["frames"], done["sound"]) == (FRAMES, FRAMES, "copied")

    said = credentials.read(made.out)
    assert said.ours and said.synthetic and said.asset_id == done["asset_id"]
    assert said.ingredients == ("ann.mp4", "bob.mp4")
    assert played(made.out) == (FRAMES, done["asset_id"])

    (label,) = rows(made, "labels")
    ids = {r["name"]: r["video_id"] for r in rows(made, "sources")}
    assert (label["label"], label["origin"], label["method"]) == ("fake", "generator", "part-swap:mouth")
    assert label["video_id"] == ids["swapped.mp4"] == done["video_id"]
    assert label["target_identity"] == f"video:{ids['ann.mp4']}"
    assert label["source_identity"] == f"video:{ids['bob.mp4']}"

    (audit,) = [r for r in rows(made, "runs") if r["flow"] == "swap"]
    asked = json.loads(audit["recipe"])
    assert (asked["source"], asked["target"]) == (ids["bob.mp4"], ids["ann.mp4"])
    assert (asked["model"], asked["parts"], asked["asset_id"]) == ("generator@1", ["mouth"], done["asset_id"])
    assert asked["by"] and audit["outcome"] == "done"

    found = query(made.lake, "SELECT name, v.dataset, recipe_id FROM videos AS v JOIN sources USING (video_id)")
    recipes = {name: recipe for name, _, recipe in found}
    assert ("swapped.mp4", "generator") in {(name, dataset) for name, dataset, _ in found}
    assert recipes["swapped.mp4"] == recipes["ann.mp4"]  # so that both can be scored alike


def test_a_swap_that_was_forgotten_is_not_taken_in_again(made):
    forgetful = replace(made, lake=shutil.copytree(made.lake, made.folder / "forgetful"))
    run("forget", "swapped.mp4", "--lake", forgetful.lake)
    done = swap(forgetful)
    assert "made by the same call" in done.stdout and "the ingest had trouble with it: fakelake qu" in done.stdout


def test_a_still_is_a_source_once_its_permission_is_on_record(made):
    still = made.folder / "carol smith.png"
    cv2.imwrite(str(still), small(packaged_clip("WolfgangLanger_Pexels.mp4"))[0])
    out = made.folder / "still" / "a.mp4"
    refused = swap(made, source=still, out=out, code=1)
    assert f"fakelake consent '{still}' --permission swap" in refused.stderr
    run("consent", still, "--permission", "swap", "--source", "a form", "--lake", made.lake)
    done = swap(made, "--hard", "--banner", source=still, out=out)
    assert "mouth swapped in 10 of 10 frames" in done.stdout and "labelled fake" in done.stdout
    latest = max(rows(made, "labels"), key=lambda row: row["labelled_at"])
    assert latest["source_identity"].startswith("still:")


def test_neither_source_nor_target_is_ever_written_over(made):
    before = made.ann.read_bytes(), made.bob.read_bytes()
    assert "is the target itself" in swap(made, out=made.ann, code=2).stderr
    assert "is the source itself" in swap(made, out=made.bob, code=2).stderr
    assert (made.ann.read_bytes(), made.bob.read_bytes()) == before
    assert "--out a.mkv" in swap(made, out="a.mkv", code=2).stderr


def test_a_result_is_no_ones_source_without_a_word_of_its_own(made):
    assert "no use permission is on record" in swap(made, source=made.out, out=made.folder / "b.mp4", code=1).stderr


def test_there_is_no_switch_for_the_marks():
    said = run("swap", "--help").stdout
    assert "--banner" in said and "no-mark" not in said and "unsigned" not in said


def test_a_certificate_of_ones_own_signs(made, monkeypatch):
    directory = credentials_directory(Lake.open(made.lake))
    own = signer_of(directory, None, None)
    chain, key = made.folder / "chain.pem", made.folder / "key.pem"
    chain.write_bytes(own.chain)
    key.write_bytes(own.key)
    monkeypatch.setenv("FAKELAKE_C2PA_CERT", str(chain))
    with pytest.raises(ValueError, match="set both or neither"):
        Settings()
    monkeypatch.setenv("FAKELAKE_C2PA_KEY", str(key))
    settings = Settings()
    assert signer_of(directory, settings.c2pa_cert, settings.c2pa_key).chain.startswith(own.chain)
    assert (Path(made.lake) / "_credentials").is_dir()
