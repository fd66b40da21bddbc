"""How far an upload has come, and the runs that are asked for it."""

import hashlib
from datetime import timedelta
from types import SimpleNamespace

import pytest

from tests.review import uploading
from tests.review.uploading import clean_inbox, clip, folder, named, prefect_of_the_lake, seen, send, stored  # noqa: F401

asking = uploading.asking


def uploaded(desk, content, name="clip.mp4"):
    from fakelake.review.desk.models import Upload

    send(desk.client("moderator"), named(name, content))
    return Upload.objects.latest("at")


def given(desk, made_id, **more):
    """An upload of a video that the lake has."""
    from fakelake.review.desk.models import Upload

    return Upload.objects.create(
        name="x", stored=f"{'0' * 16}/x.mp4", video_id=made_id, bytes=1, by=desk.people["moderator"], **more
    )


def test_without_a_server_the_file_waits_in_the_inbox_and_says_so(desk, asking, tmp_path):
    upload = uploaded(desk, clip(tmp_path))
    assert asking.tick() is True
    state, words = seen(upload)
    assert state == "queued" and "Start fakelake up" in words
    assert len(stored()[0]) == 1


def test_one_run_is_asked_for_all_that_wait_by_their_exact_paths(desk, asking, tmp_path):
    from django.conf import settings

    uploads = [uploaded(desk, clip(tmp_path, n)) for n in range(3)]
    with prefect_of_the_lake() as prefect:
        asking.tick()
        asking.tick()
        assert len(prefect.asked) == 1
        asked = prefect.asked[0]
        assert set(asked["paths"]) == {str(folder() / upload.stored) for upload in uploads}
        assert (asked["lake"], asked["quiet"]) == (settings.FAKELAKE.lake, True)
        assert [seen(upload)[0] for upload in uploads] == ["queued"] * 3
        (run,) = prefect.runs
        assert {upload.flow_run for upload in uploads} == {run}
        prefect.runs[run] = "RUNNING"
        asking.tick()
        assert [seen(upload)[0] for upload in uploads] == ["decoding"] * 3


def test_files_that_follow_each_other_go_in_one_run(desk, tmp_path, asking, monkeypatch):
    from fakelake.review.desk.models import Upload
    from fakelake.review.service.uploads import start_run

    monkeypatch.setattr(start_run, "GATHER_S", 3600.0)
    first, _ = (uploaded(desk, clip(tmp_path, n), f"{n}.mp4") for n in range(2))
    with prefect_of_the_lake() as prefect:
        asking.tick()
        assert prefect.asked == [], "another may follow"
        Upload.objects.filter(pk=first.pk).update(at=first.at - timedelta(seconds=90))
        asking.tick()
        assert len(prefect.asked[0]["paths"]) == 2, "but nobody waits for ever"


def test_nothing_is_asked_while_another_run_goes_on(desk, asking, tmp_path):
    upload = uploaded(desk, clip(tmp_path))
    with prefect_of_the_lake() as prefect:
        prefect.others_run = True
        asking.tick()
        assert prefect.asked == []
        assert "waits for the run before it" in seen(upload)[1]
        prefect.others_run = False
        asking.tick()
        assert len(prefect.asked) == 1


@pytest.mark.parametrize("end", ["CANCELLED", "COMPLETED", "FAILED", "CRASHED"])
def test_a_run_that_ended_without_effect_is_asked_for_again_after_a_while(desk, asking, tmp_path, monkeypatch, end):
    from fakelake.review.service.uploads import start_run

    uploaded(desk, clip(tmp_path))
    with prefect_of_the_lake() as prefect:
        asking.tick()
        (run,) = prefect.runs
        prefect.runs[run] = end
        asking.tick()
        assert len(prefect.asked) == 1
        now = start_run.time.monotonic()
        monkeypatch.setattr(start_run.time, "monotonic", lambda: now + start_run.AGAIN_MOST_S)
        asking.tick()
        assert len(prefect.asked) == 2


def test_uploads_of_a_process_that_was_killed_are_asked_for_by_the_next(desk, asking, tmp_path):
    from fakelake.review.service.uploads.start_run import RunStarter

    uploaded(desk, clip(tmp_path))
    with prefect_of_the_lake() as prefect:
        RunStarter().tick()
        assert len(prefect.asked) == 1


def test_a_server_that_stumbles_is_asked_again(desk, asking, tmp_path, monkeypatch):
    upload = uploaded(desk, clip(tmp_path))
    with prefect_of_the_lake() as prefect:
        right = prefect.answer
        monkeypatch.setattr(prefect, "answer", lambda method, path, body: True if "health" in path else {})
        assert asking.tick() is True
        assert seen(upload)[0] == "queued"
        monkeypatch.setattr(prefect, "answer", right)
        asking.tick()
        assert len(prefect.asked) == 1 and seen(upload)[0] == "queued"


def test_a_scored_video_is_done_with_its_band_and_its_page(desk, asking, made):
    from fakelake.review.service.uploads.states import state_of

    state = state_of(given(desk, made.ids["two.mp4"]))
    assert (state.state, state.band, state.moving) == ("done", "fake", False)
    assert state.p_fake > 0.5 and state.url == f"/videos/{made.ids['two.mp4']}/"
    assert asking.tick() is False


def test_a_video_without_a_face_is_done_with_the_reason(desk, asking, made):
    from fakelake.review.service.uploads.states import state_of

    state = state_of(given(desk, made.ids["blank.mp4"]))
    assert (state.state, state.band) == ("done", "not_applicable") and "no face" in state.words


def test_a_failed_video_says_why_and_what_to_do(desk, asking, made):
    assert seen(given(desk, "a" * 64)) == ("failed", "torn.mp4 ends in the middle. Copy it again.")


def test_a_video_whose_faces_are_read_waits_for_its_score(desk, asking, made):
    upload = given(desk, made.ids["new.mp4"])
    assert seen(upload)[0] == "scoring"
    with prefect_of_the_lake() as prefect:
        asking.tick()
        assert len(prefect.asked) == 1


def test_without_a_champion_that_is_said_and_nothing_is_asked(desk, asking, made, monkeypatch):
    from fakelake.review.service.uploads import states

    real = states.reader()
    none = SimpleNamespace(rows=lambda sql, *more: [{"n": 0}] if "FROM champion" in sql else real.rows(sql, *more))
    monkeypatch.setattr(states, "reader", lambda: none)
    upload = given(desk, made.ids["new.mp4"])
    with prefect_of_the_lake() as prefect:
        assert asking.tick() is False and prefect.asked == []
    state, words = seen(upload)
    assert state == "waiting" and "no champion yet" in words and "fakelake train detector" in words


def test_a_folder_is_done_when_its_run_is(desk, asking, made):
    from fakelake.review.desk.models import Upload

    desk.client("administrator").post("/upload/path/", {"path": str(made.folder)})
    upload = Upload.objects.get()
    with prefect_of_the_lake() as prefect:
        asking.tick()
        assert prefect.asked[0]["paths"] == [str(made.folder)]
        (run,) = prefect.runs
        prefect.runs[run] = "COMPLETED"
        asking.tick()
        state, words = seen(upload)
        assert state == "done" and words.startswith(f"{len(made.ids)} videos of it are in the lake")


def test_the_list_is_one_page_for_people_and_programs(desk, asking, made):
    content = made.files["two.mp4"].read_bytes()
    upload = given(desk, hashlib.sha256(content).hexdigest())
    client = desk.client("moderator")
    told = client.get("/upload/states/", {"id": str(upload.id)}).json()["uploads"]
    assert [(one["id"], one["state"], one["band"]) for one in told] == [(str(upload.id), "done", "fake")]
    assert (
        f'id="upload-{upload.id}"' in told[0]["html"] and f'id="upload-{upload.id}"' in client.get("/").content.decode()
    )
    assert client.get("/upload/states/", {"id": "another"}).json()["uploads"] == []


def test_a_person_who_waits_reads_how_long_the_last_ones_took(desk, asking, made):
    from fakelake.review.service.reader import reader

    client = desk.client("moderator")
    assert "it lately took" not in client.get("/").content.decode(), "nobody knows before the first"
    scored = reader().rows("SELECT video_id, min(scored_at) AS at FROM scores GROUP BY video_id")
    scored = {row["video_id"]: row["at"] for row in scored}
    for name, seconds in (("two.mp4", 40), ("calm.mp4", 130), ("odd.mp4", 3000)):
        given(desk, made.ids[name], at=scored[made.ids[name]] - timedelta(seconds=seconds))
    given(desk, made.ids["new.mp4"])
    given(desk, made.ids["two.mp4"], at=scored[made.ids["two.mp4"]] + timedelta(hours=9), came_by="path")
    assert "From an upload to its verdict it lately took about 2 minutes." in client.get("/").content.decode()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "10 seconds"), (48, "50 seconds"), (57, "a minute"), (89, "a minute"), (90, "2 minutes"), (7000, "2 hours")],
)
def test_a_time_to_wait_is_said_as_roughly_as_it_is_known(desk, seconds, words):
    from fakelake.review.desk.templatetags.desk import about

    assert about(seconds) == words
