"""A desk over a small lake: videos of every band with their files, people of every role, a fresh desk a test."""

import os
import shutil
import time
from types import SimpleNamespace

import pytest

from fakelake.catalog.lake import Lake
from tests.media import write_clip
from tests.tasks.explained import add, at, faces, promote, say
from tests.tasks.reading import QUICK

LEFT, RIGHT = (20, 100), (170, 100)
FAKE, SUSPICIOUS, AUTHENTIC = 4.0, 1.0, -4.0  # logits, by the thresholds of `promote`
SECONDS, RATE = 3, 10
PASSWORD = "a long enough sentence"


@pytest.fixture(scope="session")
def lake_root(tmp_path_factory):
    """Where the desk of this test run has its lake; settings of Django are read once a process."""
    return tmp_path_factory.mktemp("desk")


@pytest.fixture(scope="session")
def made(lake_root):
    """The lake. `two.mp4`: the left face turns fake at 1.5 s, the right one is suspicious. Ids by name in `ids`."""
    folder = lake_root / "archive"
    folder.mkdir()
    lake = Lake.create(lake_root / "lake")
    count = SECONDS * RATE
    ids, files = {}, {}
    clips = {
        "two.mp4": ([LEFT, RIGHT], {0: [(0.0, 1.4, AUTHENTIC), (1.5, 2.9, FAKE + 5)], 1: [(0.0, 2.9, SUSPICIOUS)]}),
        "calm.mp4": ([LEFT], {0: [(0.0, 2.9, AUTHENTIC)]}),
        "odd.mp4": ([(60, 60)], {0: [(0.0, 2.9, SUSPICIOUS)]}),
        "blank.mp4": ([], {}),
        "new.mp4": ([(100, 40)], {}),
    }
    for name, (corners, said) in clips.items():
        files[name] = write_clip(folder / name, faces(count, corners), fps=RATE, options=QUICK)
        ids[name] = add(lake, files[name], {n: at(*corner) for n, corner in enumerate(corners)})
        if said:
            say(lake, ids[name], said)
    trouble = {
        "uri": f"file://{folder}/torn.mp4", "video_id": "a" * 64, "stage": "decode", "error": "truncated",
        "message": "torn.mp4 ends in the middle.", "remedy": "Copy it again.", "attempts": 2,
    }  # fmt: skip
    lake.append("quarantine", [trouble])
    promote(lake)
    shutil.copytree(lake_root / "lake", lake_root / "as made")
    return SimpleNamespace(lake=lake, ids=ids, files=files, folder=folder, count=count)


@pytest.fixture(scope="module", autouse=True)
def as_it_was(lake_root, made):
    """What the tests of a file add to the lake is gone for the next file."""
    before = made.lake.snapshot()
    yield
    if made.lake.snapshot() == before:
        return
    root = lake_root / "lake"
    for entry in root.iterdir():
        if entry.name != "_up":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    shutil.copytree(lake_root / "as made", root, dirs_exist_ok=True)
    from fakelake.review.service.reader import reader

    if reader.cache_info().currsize:
        reader().refresh(wait_s=60)


@pytest.fixture(scope="session")
def django_of(lake_root, made):
    """Django, set up for the lake; FAKELAKE_... of this process stay as they were."""
    own = {
        "FAKELAKE_LAKE": str(made.lake.location.root), "FAKELAKE_INBOX": str(lake_root / "inbox"),
        "FAKELAKE_DESK_UNDO_S": "0", "FAKELAKE_DESK_UPLOAD_BYTES": str(1 << 20),
        "FAKELAKE_DESK_ROOTS": str(made.folder), "DJANGO_SETTINGS_MODULE": "fakelake.review.desk.settings",
    }  # fmt: skip
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    import django

    django.setup()
    from django.conf import settings

    settings.ALLOWED_HOSTS.append("testserver")
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher"
    ]  # the real one takes a second a person
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    patient = pytest.MonkeyPatch()  # how long the desk waits for its own is for the tests that are about it
    patient.setattr("fakelake.review.service.reader.LakeReader.rows.__defaults__", (None, 120.0))
    patient.setattr("fakelake.review.service.uploads.look_at.BASE_S", 300.0)
    yield django
    patient.undo()
    from fakelake.review.service.reader import reader
    from fakelake.review.service.uploads.start_run import starter

    starter().close()
    reader().close()


@pytest.fixture
def desk(django_of, made):
    """People of every role and nothing else on record; `desk.client("moderator")` is a logged-in browser."""
    from django.core.cache import cache
    from django.core.management import call_command
    from django.test import Client

    from fakelake.review.desk.people import add_person
    from fakelake.review.service.uploads import links

    call_command("flush", verbosity=0, interactive=False)
    cache.clear()
    links._fetches.clear()
    people = {role: add_person(role, PASSWORD, role) for role in ("viewer", "moderator", "administrator")}
    people["other"] = add_person("other", PASSWORD, "moderator")

    def client(name=None, **more):
        made_client = Client(enforce_csrf_checks=False, **more)
        if name:
            made_client.force_login(people[name], backend="django.contrib.auth.backends.ModelBackend")
        return made_client

    return SimpleNamespace(client=client, people=people, made=made, lake=made.lake, ids=made.ids)


@pytest.fixture
def own_lake(made, tmp_path):
    """A copy of the lake to write to."""
    return Lake.open(shutil.copytree(made.lake.location.root, tmp_path / "lake"))


@pytest.fixture
def own_reader(own_lake, django_of):
    """How a desk would read that copy."""
    from fakelake.review.service.reader import LakeReader

    reader = LakeReader(own_lake)
    yield reader
    reader.close()


@pytest.fixture
def within_a_minute(monkeypatch):
    """The clock of the rate limits stands: a test that crosses one's end would begin to count anew."""
    now = time.time()
    monkeypatch.setattr("django_ratelimit.core.time", SimpleNamespace(time=lambda: now))
