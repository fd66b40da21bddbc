"""The quarantine page: what could not be used, why, what to do, and trying it again."""

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from urllib.parse import quote

import pytest

from fakelake.catalog.commit import commit_videos
from fakelake.catalog.lake import Lake
from fakelake.review.service import quarantine
from fakelake.review.service.quarantine import Retries, RetryBusy, addresses, kinds, troubles
from fakelake.review.service.reader import LakeReader
from tests.catalog.rows import source, trouble, video_id, write_video

NOW = datetime.now(UTC)
EVIL = '<img src=x onerror="alert(1)">.mp4'

# What a retry is told to do, without Ray: it notes its arguments and takes 20.mp4 in, or does as it is told.
STUB = """
import json, sys
from pathlib import Path
note, does, lake, files = sys.argv[1], sys.argv[2], sys.argv[4], sys.argv[7:]
Path(note).write_text(json.dumps(sys.argv[3:]))
if does == "hang":
    import time; time.sleep(600)
if does == "fail":
    print("Traceback ...\\nError: The lake is busy.", file=sys.stderr); sys.exit(1)
from fakelake.catalog.commit import commit_videos
from fakelake.catalog.lake import Lake
from tests.catalog.rows import source, write_video
opened = Lake.open(lake)
commit_videos(opened, [write_video(opened, 20)], [source(20)])
sys.exit(3)
"""


@pytest.fixture
def trouble_lake(tmp_path):
    """60 that are no video, one torn with frames kept, one with markup for a name, and one forgotten."""
    lake = Lake.create(tmp_path / "lake")
    kept = write_video(lake, 90)
    rows = [
        trouble(i, at=NOW - timedelta(minutes=i), message=f"{i}.mp4 is no video.", remedy="Leave it out.", attempts=2)
        for i in range(20, 80)
    ]
    rows += [
        trouble(90, error="truncated", stage="decode", video_id=video_id(90), frames_kept=3, at=NOW, message="Torn."),
        trouble(91, uri=f"file:///in/{quote(EVIL)}", error="deadline", stage="worker", at=NOW - timedelta(days=1),
                message=f"{EVIL} took too long."),
        trouble(92, uri="file:///in/caf%E9.mp4", error="deadline", stage="worker", at=NOW - timedelta(days=1)),
        trouble(93, error="forgotten", stage="policy", video_id=video_id(93)),
    ]  # fmt: skip
    commit_videos(lake, [kept], [source(90)], rows)
    return lake


@pytest.fixture
def here(trouble_lake, tmp_path, desk, monkeypatch):
    """The page over that lake; `does` says how the next retry ends."""
    reader = LakeReader(trouble_lake)
    note = tmp_path / "arguments.json"
    made = {does: Retries(reader, (sys.executable, "-c", STUB, str(note), does)) for does in ("work", "fail", "hang")}
    state = SimpleNamespace(does="work")
    monkeypatch.setattr("fakelake.review.desk.views.quarantine.reader", lambda: reader)
    monkeypatch.setattr(quarantine, "retries", lambda: made[state.does])

    def told():
        """The arguments of the last retry, once it has ended."""
        made[state.does].latest.ended.wait(60)
        return json.loads(note.read_text())

    state.reader, state.note, state.told, state.retries = reader, note, told, made
    state.client = desk.client
    yield state
    reader.close()


def page(here, role="moderator", **query):
    return here.client(role).get("/quarantine/", query).content.decode()


def retry(here, role="moderator", **form):
    return here.client(role).post("/quarantine/retry/", form, follow=True)


def keys(here, **asked):
    return [row.key for row in troubles(here.reader, **asked).rows]


def test_files_are_grouped_by_what_is_wrong_the_most_frequent_first(here):
    assert [(kind.name, kind.files, kind.again) for kind in kinds(here.reader)] == [
        ("probe/not_a_video", 60, 60), ("worker/deadline", 2, 2), ("decode/truncated", 1, 0),
    ]  # fmt: skip
    shown = page(here)
    assert "63 files" in shown and "Leave it out." in shown and "forgotten" not in shown


def test_each_file_says_what_was_wrong_what_to_do_when_and_how_often_it_was_tried(here):
    shown = page(here, find="20.mp4")
    assert "20.mp4 is no video." in shown and "<strong>What to do:</strong> Leave it out." in shown
    assert f"{NOW - timedelta(minutes=20):%Y-%m-%d %H:%M} UTC" in shown and "tried 2 times" in shown


def test_the_list_has_pages_the_latest_first_and_a_search(here):
    first, second = (troubles(here.reader, number=n) for n in (1, 2))
    assert (first.total, first.pages, len(first.rows), len(second.rows)) == (63, 2, 50, 13)
    assert first.rows[0].name == "90.mp4" and first.rows[1].name == "20.mp4"
    assert troubles(here.reader, number=99).number == 2
    assert {row.name for row in troubles(here.reader, find="TOOK TOO").rows} == {EVIL}, "in what was wrong"
    assert {row.name for row in troubles(here.reader, find="<img").rows} == {EVIL}, "in the name"
    assert [row.error for row in troubles(here.reader, kind="decode/truncated").rows] == ["truncated"]
    assert 'href="?page=2"' in page(here) and "page 2 of 2" in page(here, page="2")
    for odd in ("0", "-1", "x", "9" * 30):
        assert "page 1 of 2" in page(here, page=odd)
    assert "Nothing here answers this search." in page(here, find="' OR 1=1 --")


def test_markup_in_a_name_is_text_and_a_name_of_other_bytes_is_shown_as_far_as_it_goes(here):
    shown = page(here, kind="worker/deadline")
    assert "<img src=x" not in shown and "&lt;img src=x onerror=" in shown
    assert "caf\ufffd.mp4" in shown
    assert not re.search(r"<script(?! src=)|\sstyle=", shown)


def test_one_file_is_tried_again_by_its_address(here):
    [key] = keys(here, find="20.mp4")
    others = keys(here, find="21.mp4")
    response = retry(here, one=key, file=others, query="find=20.mp4")
    assert response.redirect_chain == [("/quarantine/?find=20.mp4", 302)]
    assert "1 file is being tried again." in response.content.decode()
    root = here.reader.lake.location.root
    assert here.told() == ["--lake", root, "--json", "--", "file:///in/20.mp4"], "not what is ticked besides"


def test_what_was_ticked_is_tried_again_and_the_page_says_how_it_went(here):
    chosen = keys(here, find="20.mp4") + keys(here, find="21.mp4")
    retry(here, file=chosen)
    assert here.told()[4:] == ["file:///in/20.mp4", "file:///in/21.mp4"]
    shown = page(here)
    assert "The last retry ended.</strong> Taken in: 1 of 2. Still in quarantine: 1." in shown
    assert "62 files" in shown and "by moderator" in shown


def test_all_of_a_kind_are_tried_again_only_after_a_confirmation(here):
    sure = retry(here, kind="worker/deadline").content.decode()
    assert "Try 2 files again?" in sure and not here.note.exists()
    retry(here, kind="worker/deadline", sure="yes")
    assert set(here.told()[4:]) == {f"file:///in/{quote(EVIL)}", "file:///in/caf%E9.mp4"}


def test_all_are_tried_again_but_what_is_forgotten_or_would_add_nothing(here):
    assert "Try 62 files again?" in retry(here, kind="").content.decode()
    retry(here, kind="", sure="yes")
    assert len(here.told()[4:]) == 62
    assert not {"file:///in/90.mp4", "file:///in/93.mp4"} & set(here.told()[4:])


def test_what_is_not_in_quarantine_cannot_be_named(here):
    for form in ({"one": "file:///etc/passwd"}, {"file": ["../../etc/passwd"]}, {"kind": "no/such"}):
        assert "None of these is in quarantine any more" in retry(here, **form, sure="yes").content.decode()
    assert "Nothing is chosen." in retry(here).content.decode()
    assert not here.note.exists()
    assert addresses(here.reader, keys(here, kind="decode/truncated")) == [], "its frames are in the lake already"


def test_a_retry_is_put_on_record(here):
    from fakelake.review.desk.models import Audit

    retry(here, kind="worker/deadline", sure="yes")
    [row] = Audit.objects.filter(what="retried")
    assert row.who == "moderator" and row.detail.startswith("all of worker/deadline: 2 files: file:///in/")
    here.told()


def test_a_retry_that_fails_says_why(here):
    here.does = "fail"
    retry(here, one=keys(here, find="20.mp4")[0])
    here.told()
    shown = page(here)
    assert "The last retry failed." in shown and "The lake is busy." in shown


def test_one_retry_runs_at_a_time_and_not_for_ever(here):
    here.does = "hang"
    retries = here.retries["hang"]
    retries._limit_s = 12
    retry(here, one=keys(here, find="20.mp4")[0])
    assert "being tried again</strong>, since" in page(here)
    second = retry(here, one=keys(here, find="21.mp4")[0])
    assert second.status_code == 409 and "tried again already: 1, for moderator" in second.content.decode()
    with pytest.raises(RetryBusy):
        retries.start(["file:///in/22.mp4"], "other")
    retries.latest.ended.wait(120)
    assert retries.latest.state == "failed" and "was stopped" in retries.latest.said


def test_viewers_see_the_list_and_cannot_try_again(here, desk):
    shown = page(here, "viewer")
    assert "20.mp4 is no video." in shown and "Try again" not in shown and "checkbox" not in shown
    assert retry(here, "viewer", one=keys(here)[1]).status_code == 403
    assert here.client("moderator").get("/quarantine/retry/").status_code == 405
    assert here.client().get("/quarantine/")["Location"].startswith("/login/")


def test_a_form_without_its_token_changes_nothing(here, desk):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(desk.people["moderator"], backend="django.contrib.auth.backends.ModelBackend")
    assert strict.post("/quarantine/retry/", {"kind": "", "sure": "yes"}).status_code == 403
    assert not here.note.exists()


def test_an_empty_quarantine_says_so(desk, tmp_path, monkeypatch):
    reader = LakeReader(Lake.create(tmp_path / "empty"))
    monkeypatch.setattr("fakelake.review.desk.views.quarantine.reader", lambda: reader)
    monkeypatch.setattr(quarantine, "retries", lambda: Retries(reader))
    shown = desk.client("viewer").get("/quarantine/").content.decode()
    reader.close()
    assert "Nothing is in quarantine: every file that came could be used." in shown
