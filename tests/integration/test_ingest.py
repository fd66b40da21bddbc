"""`fakelake ingest`, run as a user runs it: real video in, faces in the catalog, words and exit codes."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.integration.clips import short_clips
from tests.integration.commands import FAST, ingest, ingest_apart, query, run
from tests.media import (
    copy_as,
    cut_off,
    encrypted,
    face_clip,
    no_face_clip,
    odd_clips,
    real_clips,
    unreadable_names,
    write_clip,
    write_sound,
)
from tests.tasks.odd_expectations import ODD_EXPECTATIONS

pytestmark = pytest.mark.usefixtures("pipeline")


@pytest.fixture(scope="module")
def lake(pipeline: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All real clips, ingested."""
    lake = tmp_path_factory.mktemp("lake") / "lake"
    ingest(*real_clips(), "--lake", lake, "--label", "real")
    return lake


def test_every_real_clip_becomes_a_video_and_its_faces_can_be_queried(lake: Path) -> None:
    clips = len(real_clips())
    assert query(lake, "SELECT count(*), count(DISTINCT video_id) FROM videos") == [(clips, clips)]
    # This test looks at the first frames of each only, and those of noface_face.mov show no face.
    assert query(lake, "SELECT count(*) FROM videos WHERE status = 'ready'") == [(clips - 1,)]
    assert query(lake, "SELECT reason FROM videos WHERE status <> 'ready'") == [("no face in 12 frames",)]
    assert query(lake, "SELECT count(*) FROM video_label WHERE label = 'real'") == [(clips,)]
    faces = query(lake, "SELECT count(*) FROM frames")
    assert faces[0][0] > 11 * clips and faces == query(lake, "SELECT count(*) FROM crops")


def test_the_summary_on_screen_is_summary_json_and_the_runs_row(lake: Path) -> None:
    run_id, told = query(lake, "SELECT run_id, summary FROM runs ORDER BY started_at LIMIT 1")[0]
    written = json.loads((lake / "reports" / run_id / "summary.json").read_text())
    assert written == json.loads(told)
    assert abs(sum(written["stage_share"].values()) - 1) < 0.01
    assert (lake / "reports" / run_id / "contact_sheet.jpg").stat().st_size > 10_000


def test_a_second_run_reads_nothing_and_adds_nothing(lake: Path) -> None:
    before = query(lake, "SELECT count(*) FROM frames")
    clips = real_clips()
    summary = ingest(*clips, "--lake", lake)
    assert summary["already_done"] == len(clips) and summary["frames"] == 0
    assert query(lake, "SELECT count(*) FROM frames") == before


def test_a_dry_run_says_what_would_be_done_and_leaves_no_lake(tmp_path: Path) -> None:
    clips = short_clips(tmp_path / "in", 2)
    (tmp_path / "in" / "notes.txt").write_text("sidecar")
    planned = ingest(tmp_path / "in", "--lake", tmp_path / "lake", "--dry-run")
    assert planned["to_read"] == len(clips) and [Path(p).name for p in planned["passed_over"]] == ["notes.txt"]
    assert not (tmp_path / "lake").exists()


def test_odd_files_end_as_written_down_beforehand_with_exit_code_3_and_none_lost(tmp_path: Path) -> None:
    folder, lake = odd_clips(), tmp_path / "lake"
    summary = ingest(folder, "--lake", lake, code=3, fast=False)
    assert summary["found"] == len(ODD_EXPECTATIONS)
    status = "SELECT s.name, v.status FROM sources s JOIN videos v USING (video_id)"
    found = dict(query(lake, status))
    trouble = query(lake, "SELECT uri, error, frames_kept FROM open_quarantine")
    for uri, error, kept in trouble:
        found[uri.rpartition("/")[2]] = "partial" if kept else f"quarantined:{error}"
    assert found == ODD_EXPECTATIONS
    listed = run("quarantine", "ls", "--lake", lake, "--json")
    assert len(listed.json) == len(trouble)


@pytest.fixture(scope="module")
def bad_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    good = short_clips(folder, 2)
    (folder / "empty.mp4").touch()
    (folder / "letter.mp4").write_text("Dear archive, this is no video.\n" * 99)
    write_sound(folder / "sound.mp4")
    encrypted(good[0], folder / "encrypted.mp4")
    cut_off(good[1], folder / "cut off.mp4", 0.4)
    (folder / "dangling.mp4").symlink_to(folder / "gone.mp4")
    os.mkfifo(folder / "pipe.mp4")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    shutil.copy(no_face_clip(), folder / "no face.mp4")
    write_clip(folder / "tiny.mp4", frames=12, size=(16, 16))
    for name in unreadable_names():
        copy_as(good[0], folder, b"good " + name)
    return folder


def test_no_bad_file_stops_the_good_ones_and_each_has_its_reason_and_remedy(bad_archive: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    summary = ingest(bad_archive, "--lake", lake, code=3)
    reasons = query(lake, "SELECT uri, error, length(message) > 10, length(remedy) > 10 FROM open_quarantine")
    assert {uri.rpartition("/")[2]: error for uri, error, *_ in reasons} == {
        "empty.mp4": "empty",
        "letter.mp4": "not_a_video",
        "sound.mp4": "audio_only",
        "encrypted.mp4": "encrypted",
        "cut%20off.mp4": "truncated",
        "dangling.mp4": "missing",
        "pipe.mp4": "not_a_file",
    }
    assert all(told for *_, message, remedy in reasons for told in (message, remedy))
    assert summary["ready"] == 2 and summary["no_face"] == 2
    # The same bytes under names with quotes, newlines, percent signs and no UTF-8 are one video with many sources.
    names = query(lake, "SELECT count(*) FROM sources GROUP BY video_id ORDER BY 1 DESC LIMIT 1")
    assert names == [(1 + len(unreadable_names()),)]


def test_what_its_own_bytes_brought_into_quarantine_is_not_tried_again_unless_asked(tmp_path: Path) -> None:
    folder, lake = tmp_path / "in", tmp_path / "lake"
    good = short_clips(folder, 1)[0]
    bad = cut_off(good, folder / "bad.mp4", 0.4)
    ingest(folder, "--lake", lake, code=3)
    again = ingest(folder, "--lake", lake, code=3)
    assert again["still_quarantined"] == 1 and again["quarantined"] == 0
    retried = run("quarantine", "retry", "bad", "--lake", lake, "--json", code=3)
    assert [summary["quarantined"] for summary in retried.json] == [1]
    shutil.copy(face_clip(), bad)
    mended = ingest(folder, "--lake", lake)
    assert mended["ready"] == 1
    assert query(lake, "SELECT count(*) FROM open_quarantine") == [(0,)]


def test_a_task_that_hangs_is_killed_at_its_deadline_and_the_rest_goes_on(tmp_path: Path) -> None:
    folder, lake, marks = tmp_path / "in", tmp_path / "lake", tmp_path / "marks"
    short_clips(folder, 3)
    marks.mkdir()
    trap = {
        "FAKELAKE_FAILPOINT": "decode", "FAKELAKE_FAILPOINT_ACTION": "pause", "FAKELAKE_FAILPOINT_DIR": str(marks),
        "FAKELAKE_DEADLINE_BASE_S": "45", "FAKELAKE_DEADLINE_PER_MEDIA_S": "0",
    }  # fmt: skip
    code, summary = ingest_apart(folder, "--lake", lake, env=trap, out=tmp_path / "summary.json")
    assert code == 3
    assert summary["ready"] == 2 and summary["quarantined"] == 1
    error, log = query(lake, "SELECT error, worker_log FROM open_quarantine")[0]
    assert error == "deadline"
    assert "failpoint" in log, "the worker's log tells where it hung"
    assert ingest(folder, "--lake", lake, code=3)["still_quarantined"] == 1
    retried = run("quarantine", "retry", "--lake", lake, "--json", code=None)
    assert retried.code == 0, retried.stderr


def test_a_decoder_that_crashes_every_time_costs_its_own_video_only(tmp_path: Path) -> None:
    folder, lake, marks = tmp_path / "in", tmp_path / "lake", tmp_path / "marks"
    short_clips(folder, 3)
    marks.mkdir()
    trap = {
        "FAKELAKE_FAILPOINT": "decode", "FAKELAKE_FAILPOINT_ACTION": "segfault", "FAKELAKE_FAILPOINT_DIR": str(marks),
        "FAKELAKE_ATTEMPTS": "1",
    }  # fmt: skip
    code, summary = ingest_apart(folder, "--lake", lake, env=trap, out=tmp_path / "summary.json")
    assert code == 3
    assert summary["ready"] == 2
    assert query(lake, "SELECT error, stage FROM open_quarantine") == [("worker_died", "decode")]


def test_bad_usage_is_exit_code_2_and_says_what_is_known(tmp_path: Path) -> None:
    for arguments, said in (
        (("--recipe", "papre"), "paper"),
        (("--set", "strid=3"), "stride"),
        (("--label", "true"), "real"),
    ):
        done = run("ingest", tmp_path, "--lake", tmp_path / "lake", *arguments, code=2)
        assert said in done.stderr


def test_a_list_on_stdin_and_a_manifest_name_the_videos(tmp_path: Path) -> None:
    clips = short_clips(tmp_path / "in", 2)
    lake = tmp_path / "lake"
    listed = run("ingest", "-", "--lake", lake, *FAST, "--json", stdin=f"{clips[0]}\n")
    assert listed.json["ready"] == 1
    manifest = tmp_path / "in" / "list.csv"
    manifest.write_text(f"path,label,identity,permission\n{clips[1].name},fake,anna,own work\n")
    assert ingest(manifest, "--lake", lake)["ready"] == 1
    assert query(lake, "SELECT label FROM video_label WHERE label IS NOT NULL") == [("fake",)]
    assert query(lake, "SELECT permission FROM consents") == [("own work",)]


def test_face_clips_go_out_and_come_back_without_detecting(tmp_path: Path) -> None:
    clips = short_clips(tmp_path / "in", 2)
    lake, again = tmp_path / "lake", tmp_path / "again"
    ingest(*clips, "--lake", lake)
    run("export", "clips", tmp_path / "out", "--lake", lake)
    back = run(
        "ingest", "--face-clips", tmp_path / "out" / "manifest.csv", "--lake", again, "--json"
    )  # fmt: skip
    assert back.json["ready"] == 2
    of_clips, of_faces = (query(where, "SELECT count(*) FROM crops") for where in (lake, again))
    assert of_clips == of_faces


def test_sql_answers_select_and_refuses_the_rest(lake: Path) -> None:
    asked = "SELECT status, count(*) AS n FROM videos GROUP BY status ORDER BY n DESC"
    answer = run("sql", asked, "--lake", lake, "--format", "json")
    assert answer.json[0]["status"] == "ready"
    for evil in ("COPY videos TO '/tmp/stolen.csv'", "SELECT * FROM read_text('/etc/passwd')", "DROP VIEW videos"):
        refused = run("sql", evil, "--lake", lake, code=2)
        assert "fakelake:" in refused.stderr


def test_a_run_that_is_given_up_says_so_in_its_runs_row_and_keeps_what_was_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = short_clips(tmp_path / "in", 3)
    lake = tmp_path / "lake"
    monkeypatch.setenv("FAKELAKE_FAILPOINT", "before_commit")
    monkeypatch.setenv("FAKELAKE_FAILPOINT_ACTION", "raise")
    run("ingest", *clips, "--lake", lake, *FAST, code=1)
    assert query(lake, "SELECT flow, outcome FROM runs") == [("ingest", "failed")]
    monkeypatch.delenv("FAKELAKE_FAILPOINT")
    assert ingest(*clips, "--lake", lake)["ready"] == 3


def test_a_forgotten_video_is_gone_and_does_not_come_back_with_its_bytes(tmp_path: Path) -> None:
    clips = short_clips(tmp_path / "in", 2)
    lake = tmp_path / "lake"
    ingest(*clips, "--lake", lake)
    run("forget", clips[0].name, "--lake", lake)
    assert query(lake, "SELECT name FROM sources") == [(clips[1].name,)]
    again = ingest(*clips, "--lake", lake, code=3)
    assert (again["still_quarantined"], again["already_done"], again["frames"]) == (1, 1, 0)
