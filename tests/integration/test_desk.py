"""The review desk of `fakelake up` in a real browser: a moderator's way from an upload to a label in DuckDB."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from fakelake.catalog.recipe import paper
from fakelake.infra.ports import free_port
from fakelake.infra.up_state import read_state
from tests.infra.stores import new_store
from tests.integration.commands import query
from tests.media import packaged_clip
from tests.tasks.detectors import bundle_of, opinionated
from tests.tasks.explained import promote
from tests.tasks.lake_of_faces import lake_of_faces, people

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium"),
]
PASSWORD = "a long enough sentence"
CLIP = "WolfgangLanger_Pexels.mp4"
PATIENCE_MS = 900_000
UNDO_S = 20  # a slow machine needs some for the page in between
RED, AMBER, BLUE = (0xFF, 0x5A, 0x4D), (0xFF, 0xC0, 0x4D), (0x6D, 0xB3, 0xFF)  # of the boxes, by band


def fakelake(*arguments, env, **more):
    command = [sys.executable, "-m", "fakelake.flows.cli", *map(str, arguments)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """A lake of made people with a champion, and everything that `fakelake up` starts."""
    root = tmp_path_factory.mktemp("desk")
    with_champion(lake_of_faces(root / "lake", people(8, frames=8), recipe=paper()), root)
    kept = {k: v for k, v in os.environ.items() if k == "FAKELAKE_WEIGHTS"}
    env = {name: value for name, value in os.environ.items() if not name.startswith(("FAKELAKE_", "PREFECT_API"))}
    env |= kept | {
        "FAKELAKE_LAKE": str(root / "lake"), "FAKELAKE_INBOX": str(root / "inbox"), "FAKELAKE_DESK_UNDO_S": str(UNDO_S),
        **{f"FAKELAKE_{name}_PORT": str(free_port()) for name in ("PREFECT", "MLFLOW", "DESK")},
        "OMP_NUM_THREADS": "1", "FAKELAKE_SPARE": "false",
    }  # fmt: skip
    for name, role in (("mia", "moderator"), ("ada", "administrator")):
        fakelake("desk", "person", name, "--role", role, "--password", env=env, input=PASSWORD)
    log = root / "up.log"
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "fakelake.flows.cli", "up"], env=env, stdout=out, stderr=out)
    try:
        end = time.monotonic() + 600
        while "It is up" not in log.read_text():
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.5)
        yield SimpleNamespace(
            root=root, lake=root / "lake", env=env, desk=read_state(str(root / "lake")).pages["desk"], log=log
        )
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(400)


def with_champion(lake, folder):
    """A registered detector of made opinions: what it says is not what is looked at here."""
    store = new_store(Path(lake.location.root) / "_mlflow")
    files = bundle_of(folder / "detector", opinionated(), margin=paper().crop_margin)
    with store.run("detector", "made", {}) as kept:
        store.promote("detector", store.register("detector", kept, files, {}))
    promote(lake)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def page(up, browser):
    """A window of the moderator mia; whatever its scripts complain of fails the test that looks at `complaints`."""
    with logged_in(up, browser, "mia") as window:
        yield window


@pytest.fixture(scope="module")
def administrator(up, browser):
    with logged_in(up, browser, "ada") as window:
        yield window


@contextmanager
def logged_in(up, browser, name, script=""):
    """script: runs in each page before the page's own."""
    context = browser.new_context(viewport={"width": 1300, "height": 1000}, color_scheme="light")
    context.set_default_timeout(180_000)
    context.add_init_script(script)
    window = context.new_page()
    window.complaints = []
    window.on("pageerror", lambda error: window.complaints.append(str(error)))
    window.on("console", lambda said: window.complaints.append(said.text) if said.type == "error" else None)
    window.goto(f"{up.desk}/queue/")
    window.get_by_label("Name").fill(name)
    window.get_by_label("Password").fill(PASSWORD)
    window.get_by_role("button", name="Log in").click()
    window.get_by_role("heading", name="What waits for you").wait_for()
    yield window
    context.close()


def shown(page):
    """What the player says that it drew: {id, box, text} of each face, and of which second."""
    drawn = page.locator("#faces")
    return json.loads(drawn.get_attribute("data-faces")), float(drawn.get_attribute("data-at"))


def settled(page, near_s):
    """Wait until the picture of that second is on the screen, and drawn over."""
    page.wait_for_function(
        "near => Math.abs(Number(document.getElementById('faces').dataset.at) - near) < 0.06 && !film.seeking",
        arg=near_s,
    )  # fmt: skip
    page.wait_for_timeout(300)


def picture(page):
    """The stage as the screen shows it: [H, W, 3] RGB."""
    data = np.frombuffer(io.BytesIO(page.locator("#stage").screenshot()).read(), np.uint8)
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def boxes_on(image):
    """x1, y1, x2, y2 of all that is drawn in a colour of boxes, px of the stage; None where nothing is."""
    mask = np.zeros(image.shape[:2], bool)
    for colour in (RED, AMBER, BLUE):
        mask |= np.abs(image.astype(int) - colour).max(2) < 26
    rows, columns = np.flatnonzero(mask.sum(1) > 20), np.flatnonzero(mask.sum(0) > 20)
    return (columns[0], rows[0], columns[-1], rows[-1]) if len(rows) and len(columns) else None


def stored(up, at, which="true"):
    """The lake's own row of the face nearest to a second, of those that are meant: pts_s and its box."""
    return query(
        up.lake,
        "SELECT pts_s, x1, y1, x2, y2 FROM frames JOIN sources USING (video_id) WHERE contains(lower(name), "
        f"'wolfganglanger') AND {which.format(at=at)} ORDER BY abs(pts_s - {at}) LIMIT 1",
    )[0]  # fmt: skip


def test_an_uploaded_clip_is_scored_while_one_watches(up, page):
    page.get_by_role("link", name="Upload", exact=True).click()
    page.wait_for_url(f"{up.desk}/")
    page.locator("input[type=file]").first.set_input_files(str(packaged_clip(CLIP)))
    button = page.get_by_role("button", name=re.compile("upload", re.I))
    if button.count() and button.first.is_visible() and button.first.is_enabled():
        button.first.click()
    link = page.locator('main a[href^="/videos/"]').first
    link.wait_for(timeout=PATIENCE_MS)
    page.wait_for_function(
        "() => /fake|suspicious|authentic/i.test(document.querySelector('main a[href^=\"/videos/\"]')"
        ".closest('li, tr, article').querySelector('.band').textContent)",
        timeout=PATIENCE_MS,
    )
    link.click()
    page.get_by_role("heading", level=1).wait_for()
    ((band, p_fake),) = query(
        up.lake, "SELECT band, p_fake FROM verdicts WHERE contains(lower(name), 'wolfganglanger')"
    )
    assert page.locator("section.verdict .band").inner_text().lower() == band
    assert 0 <= p_fake <= 1


def test_the_video_plays_with_the_box_on_the_face(up, page):
    page.wait_for_function("() => document.getElementById('film').readyState >= 2")
    page.evaluate(
        """async () => {
          film.muted = true;
          await film.play();
          await new Promise((done) => film.addEventListener('timeupdate', () => film.currentTime > 0.5 && done()));
          film.pause();
        }"""
    )
    page.wait_for_timeout(500)
    faces, at = shown(page)
    pts, *box = stored(up, at)
    assert abs(pts - at) < 0.021, "the face drawn is the one of the picture on the screen"
    assert faces[0]["box"] == pytest.approx(box, abs=0.1)
    image, width = picture(page), page.evaluate("() => film.videoWidth")
    scale = image.shape[1] / width
    left, top, right, bottom = boxes_on(image)
    expected = [value * scale for value in box]
    # The label stands above the box and may be wider than it; left, and the lower edge, are the box's own.
    assert left == pytest.approx(expected[0], abs=6) and bottom == pytest.approx(expected[3], abs=6)
    assert right >= expected[2] - 6 and top <= expected[1] + 6


def test_the_strip_seeks_and_the_box_moves_with_it(up, page):
    strip = page.locator("#strip")
    duration = float(strip.get_attribute("data-duration"))
    size = strip.bounding_box()
    strip.click(position={"x": size["width"] / 4, "y": size["height"] / 2})  # the recipe looks at 6 of 19 seconds
    settled(page, duration / 4)
    faces, at = shown(page)
    pts, *box = stored(up, at)
    assert abs(at - duration / 4) < 0.06 and abs(pts - at) < 0.021
    assert faces[0]["box"] == pytest.approx(box, abs=0.1)


ASTRAY = """
const ask = HTMLVideoElement.prototype.requestVideoFrameCallback;
HTMLVideoElement.prototype.requestVideoFrameCallback = function (told) {
  return ask.call(this, (now, frame) => told(now, { mediaTime: frame.mediaTime + %s }));
};
"""


@pytest.mark.parametrize("astray_s", [0.0667, -0.852])
def test_a_browser_that_tells_wrong_times_of_its_pictures_is_not_believed(up, page, browser, astray_s):
    """As WebKitGTK does, by what a film's edit list says."""
    with logged_in(up, browser, "mia", ASTRAY % astray_s) as window:
        window.goto(page.url)
        window.wait_for_function("() => document.getElementById('film').readyState >= 2 && data")
        strip = window.locator("#strip")
        for share in (0.25, 0.1):
            size = strip.bounding_box()
            strip.click(position={"x": size["width"] * share, "y": size["height"] / 2})
            settled(window, float(strip.get_attribute("data-duration")) * share)
            now, (faces, at) = window.evaluate("() => film.currentTime"), shown(window)
            assert at == pytest.approx(now, abs=0.001)
            assert faces[0]["box"] == pytest.approx(stored(up, now, "pts_s <= {at}")[1:], abs=0.1)


def test_keys_step_by_one_frame_and_go_to_the_worst_second(up, page):
    _, before = shown(page)
    page.locator("h1").click()
    page.keyboard.press(".")
    page.wait_for_function("before => Number(document.getElementById('faces').dataset.at) > before", arg=before)
    _, after = shown(page)
    assert 0 < after - before < 0.08
    worst = float(page.locator("#stage").get_attribute("data-worst"))
    page.keyboard.press("g")
    settled(page, worst)


def test_full_screen_keeps_the_box_on_the_face(up, page):
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("() => document.fullscreenElement")
    page.wait_for_timeout(500)
    faces, _ = shown(page)
    image = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    area = page.evaluate(
        "() => { const a = document.getElementById('faces').getBoundingClientRect(); return [a.left, a.top, a.width]; }"
    )
    scale = area[2] / page.evaluate("() => film.videoWidth")
    left, _, _, bottom = boxes_on(image)
    assert left == pytest.approx(area[0] + faces[0]["box"][0] * scale, abs=6)
    assert bottom == pytest.approx(area[1] + faces[0]["box"][3] * scale, abs=6)
    page.evaluate("() => document.exitFullscreen()")
    page.wait_for_function("() => !document.fullscreenElement")


def test_a_decision_by_key_is_a_label_in_duckdb(up, page):
    page.get_by_label("Note").fill("he is who he is")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    page.get_by_text("Decided: authentic.").wait_for()
    end = time.monotonic() + 300
    asked = "SELECT label, labelled_by, note FROM labels WHERE origin = 'moderator'"
    while not (rows := query(up.lake, asked)):
        assert time.monotonic() < end, "the decision did not become a label"
        time.sleep(1)
    assert rows == [("real", "mia", "he is who he is")]


def test_a_decision_taken_back_in_time_is_no_label(up, page):
    page.goto(f"{up.desk}/queue/?state=&find=fake_00")
    page.locator("tbody a").first.click()
    page.get_by_role("heading", level=1, name="fake_00.mp4").wait_for()
    page.wait_for_load_state()
    page.keyboard.press("f")
    page.get_by_text("Decided: fake.").wait_for()
    page.wait_for_load_state()
    page.keyboard.press("z")
    page.get_by_text("Taken back.").wait_for()
    time.sleep(UNDO_S + 4)
    assert query(up.lake, "SELECT count(*) FROM labels WHERE origin = 'moderator'") == [(1,)]


def test_what_is_dropped_is_judged_by_its_content(up, administrator, tmp_path):
    """As the mouse does it, by the browser's own events."""
    page = administrator
    page.goto(f"{up.desk}/")
    (tmp_path / "a list.mp4").write_text("not a video\n" * 1000)
    shutil.copy(packaged_clip(CLIP), tmp_path / "the same.mp4")
    area, mouse = page.locator("#drop").bounding_box(), page.context.new_cdp_session(page)
    files = [str(tmp_path / name) for name in ("a list.mp4", "the same.mp4")]
    for event in ("dragEnter", "dragOver", "drop"):
        mouse.send("Input.dispatchDragEvent", {
            "type": event, "x": area["x"] + 40, "y": area["y"] + area["height"] / 2,
            "data": {"items": [], "files": files, "dragOperationsMask": 1},
        })  # fmt: skip
    page.get_by_role("button", name="Upload 2 videos").click()
    said = page.locator("#sending li")
    said.filter(has_text="a list.mp4").locator(".error").wait_for()
    assert "a list.mp4 is not a video" in said.filter(has_text="a list.mp4").inner_text()
    said.filter(has_text="The very same bytes are here already").get_by_role("link", name="See the video").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_passes_axe(up, page, administrator, scheme):
    from axe_playwright_python.sync_playwright import Axe

    ((video,),) = query(up.lake, "SELECT video_id FROM sources WHERE contains(lower(name), 'wolfganglanger') LIMIT 1")
    pages = ("/", "/queue/", f"/videos/{video}/", "/decisions/", "/insight/", "/quarantine/", "/sql/", "/account/")
    for window, paths in ((page, pages), (administrator, ("/", "/people/", "/audit/"))):
        window.emulate_media(color_scheme=scheme)
        for path in paths:
            window.goto(up.desk + path)
            window.wait_for_timeout(300)
            found = Axe().run(window, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
            said = [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found.response["violations"]]
            assert said == [], path


def test_no_script_complained(page):
    assert page.complaints == []
