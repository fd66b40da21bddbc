"""Files and folders by path: the lake may know what lay there before, so only a run settles what lies there now."""

from datetime import timedelta

import pytest
from django.utils import timezone

from fakelake.tasks.source_file import uri_of
from tests.review import uploading
from tests.review.uploading import clean_inbox, prefect_of_the_lake, seen, stored  # noqa: F401

asking = uploading.asking


def taken(desk, path):
    from fakelake.review.desk.models import Upload

    assert desk.client("administrator").post("/upload/path/", {"path": str(path)}).status_code == 302
    return Upload.objects.get(stored=str(path))


def ended(asking, prefect, while_it_runs=lambda: None):
    """The run that is asked for begins, and is over."""
    asking.tick()
    run = list(prefect.runs)[-1]
    prefect.runs[run] = "RUNNING"
    while_it_runs()
    asking.tick()
    prefect.runs[run] = "COMPLETED"
    return asking.tick()


def in_lake(desk, **tables):
    """Rows that a run would have written; the desk has read them."""
    from fakelake.review.service.reader import reader

    for name, row in tables.items():
        desk.lake.append(name, [row])
    reader().refresh(wait_s=60)


def seen_at(path, video_id, ago_s=0.0):
    """A row of `sources`."""
    when = timezone.now() - timedelta(seconds=ago_s)
    return {"uri": uri_of(path), "name": path.name, "video_id": video_id, "seen_at": when}


def broken(path, video_id=None, ago_s=0.0):
    """A row of `quarantine`."""
    return {
        "uri": uri_of(path), "video_id": video_id, "stage": "decode", "error": "truncated", "attempts": 1,
        "message": f"{path.name} ends in the middle.", "remedy": "Copy it again.",
        "at": timezone.now() - timedelta(seconds=ago_s),
    }  # fmt: skip


@pytest.fixture
def file(made):
    path = made.folder / "by path.mp4"
    path.write_bytes(b"whatever")
    yield path
    path.unlink()


def test_a_file_that_the_lake_knows_is_looked_at_before_anything_is_said_of_it(desk, asking, made):
    upload = taken(desk, made.files["two.mp4"])
    asking.tick()
    assert seen(upload)[0] == "queued" and "It stays where it is" in seen(upload)[1]
    with prefect_of_the_lake() as prefect:
        ended(asking, prefect)
        shown = desk.client("administrator").get("/upload/states/").json()["uploads"][0]
        assert (shown["state"], shown["video_id"]) == ("done", made.ids["two.mp4"])


def test_a_file_that_was_replaced_gets_the_verdict_of_its_new_bytes(desk, asking, made, file):
    from fakelake.review.service.uploads.states import state_of

    in_lake(desk, sources=seen_at(file, made.ids["two.mp4"], ago_s=3600))
    upload = taken(desk, file)

    def still_unknown():
        asking.tick()
        state = state_of(upload_now(upload))
        assert (state.state, state.video_id, state.url) == ("decoding", "", "")
        in_lake(desk, sources=seen_at(file, made.ids["calm.mp4"]))

    with prefect_of_the_lake() as prefect:
        assert ended(asking, prefect, still_unknown) is False
        state = state_of(upload_now(upload))
        assert (state.state, state.video_id, state.band) == ("done", made.ids["calm.mp4"], "authentic")


def test_a_file_that_was_replaced_by_a_broken_one_is_not_answered_with_the_old_verdict(desk, asking, made, file):
    in_lake(desk, sources=seen_at(file, made.ids["two.mp4"], ago_s=3600))
    upload = taken(desk, file)
    with prefect_of_the_lake() as prefect:
        ended(asking, prefect, lambda: in_lake(desk, quarantine=broken(file)))
    assert seen(upload) == ("failed", "by path.mp4 ends in the middle. Copy it again.")


def test_a_file_that_was_mended_is_looked_at_again(desk, asking, made, file):
    in_lake(desk, quarantine=broken(file, ago_s=3600))
    first = taken(desk, file)
    with prefect_of_the_lake() as prefect:
        ended(asking, prefect)
        assert seen(first)[0] == "failed", "said even where no other upload is open"
        again = taken(desk, file)
        assert again.pk == first.pk and seen(again)[0] == "queued"
        ended(asking, prefect, lambda: in_lake(desk, sources=seen_at(file, made.ids["calm.mp4"])))
        assert len(prefect.asked) == 2 and seen(again)[0] == "done"


def test_a_folder_that_is_done_stays_done_for_the_next_desk(desk, asking, made):
    from fakelake.review.service.uploads import prefect_runs
    from fakelake.review.service.uploads.start_run import RunStarter

    upload = taken(desk, made.folder)
    with prefect_of_the_lake() as prefect:
        ended(asking, prefect)
        prefect_runs.known.__init__()
        prefect.runs.clear()
        assert RunStarter().tick() is False
        assert len(prefect.asked) == 1
    state, words = seen(upload)
    assert state == "done" and "videos of it are in the lake" in words


def test_a_path_for_which_no_server_was_there_for_a_month_is_asked_for(desk, asking, made):
    from fakelake.review.desk.models import Upload

    upload = taken(desk, made.folder)
    Upload.objects.update(at=upload.at - timedelta(days=30))
    assert asking.tick() is True and "Start fakelake up" in seen(upload)[1]
    with prefect_of_the_lake() as prefect:
        asking.tick()
        assert prefect.asked[0]["paths"] == [str(made.folder)]


def test_a_path_that_is_named_anew_while_its_run_is_judged_is_asked_for_again(desk, asking, made, monkeypatch):
    from fakelake.review.service.uploads import start_run

    taken(desk, made.folder)
    real = start_run.states_of

    def anew(uploads):
        found = real(uploads)
        if found and found[0].state == "done":
            taken(desk, made.folder)
        return found

    monkeypatch.setattr(start_run, "states_of", anew)
    with prefect_of_the_lake() as prefect:
        ended(asking, prefect)
        monkeypatch.setattr(start_run, "states_of", real)
        asking.tick()
        assert len(prefect.asked) == 2


def test_all_paths_of_a_list_take_one_question(desk, asking, made, monkeypatch):
    from fakelake.review.desk.models import Upload
    from fakelake.review.service.reader import LakeReader
    from fakelake.review.service.uploads.states import states_of

    for name in ("two.mp4", "calm.mp4", "odd.mp4"):
        taken(desk, made.files[name])
    Upload.objects.update(settled_at=timezone.now())
    asked, real = [], LakeReader.rows

    def counted(self, sql, *more):
        asked.append(sql)
        return real(self, sql, *more)

    monkeypatch.setattr(LakeReader, "rows", counted)
    states = states_of(Upload.objects.select_related("by").order_by("name"))
    assert [(s.name, s.band) for s in states] == [
        ("calm.mp4", "authentic"), ("odd.mp4", "suspicious"), ("two.mp4", "fake"),
    ]  # fmt: skip
    assert len(asked) <= 4


def upload_now(upload):
    upload.refresh_from_db()
    return upload


# ---- which paths ----


def test_a_path_below_an_open_folder_is_taken_where_it_is(desk, made):
    from fakelake.review.desk.models import Upload

    answer = desk.client("administrator").post("/upload/path/", {"path": str(made.folder / "two.mp4")})
    assert answer.status_code == 302
    upload = Upload.objects.get()
    assert (upload.came_by, upload.stored) == ("path", str(made.folder / "two.mp4"))
    assert stored()[0] == set()


def test_deleting_what_was_taken_by_path_leaves_the_file_alone(desk, made):
    from fakelake.review.desk.models import Upload

    client = desk.client("administrator")
    client.post("/upload/path/", {"path": str(made.folder / "two.mp4")})
    client.post(f"/upload/{Upload.objects.get().id}/delete/")
    assert made.files["two.mp4"].is_file()


def test_every_other_path_gets_the_same_words(desk, made, tmp_path):
    (made.folder.parent / "archive-of-others").mkdir(exist_ok=True)
    link = made.folder / "way-out"
    link.symlink_to(tmp_path)
    client = desk.client("administrator")
    try:
        pages = {
            client.post("/upload/path/", {"path": path}).content
            for path in ("/etc/passwd", "/no/such/file", f"{made.folder}/none.mp4", f"{made.folder}/../lake", str(link),
                         f"{made.folder}-of-others", "relative.mp4", "", "/etc/\0passwd", "-", f"{made.folder}/*.mp4")
        }  # fmt: skip
        assert len({page.split(b"<main")[1] for page in pages}) == 1
        assert b"This path cannot be taken" in pages.pop()
        folder = client.post("/upload/path/", {"path": str(made.folder)})
        assert folder.status_code == 403 and "leads elsewhere" in folder.content.decode()
    finally:
        link.unlink()


def test_a_list_of_paths_is_refused_as_it_could_name_anything(desk, made):
    listed = made.folder / "list.csv"
    listed.write_text("path\n/etc/passwd\n")
    try:
        answer = desk.client("administrator").post("/upload/path/", {"path": str(listed)})
        assert answer.status_code == 403 and "could name any file" in answer.content.decode()
    finally:
        listed.unlink()
