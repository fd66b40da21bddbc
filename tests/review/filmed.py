"""Clips whose pictures tell their own number, and a real browser that reads it off the screen."""

import os
import shutil
import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import numpy as np
import pytest

from tests.media import write_clip

CHROMIUM = "/usr/bin/chromium"
WIDTH, HEIGHT, BITS = 320, 240, 8
SECONDS_TO_PLAY = 30

# Plays a video from its start to its end and tells of each picture that was on the screen: [mediaTime, number].
PLAY = """async ([src, least]) => {
  const video = document.createElement('video');
  video.muted = true; video.preload = 'auto'; video.playbackRate = 0.5; document.body.append(video);
  const canvas = document.createElement('canvas'); canvas.width = 320; canvas.height = 240;
  const context = canvas.getContext('2d', {willReadFrequently: true});
  const seen = [];
  const number = () => {
    context.drawImage(video, 0, 0, 320, 240);
    let n = 0;
    for (let bit = 0; bit < 8; bit++) if (context.getImageData(bit * 40 + 20, 120, 1, 1).data[0] > 128) n |= 1 << bit;
    return n;
  };
  const shown = (_, frame) => { seen.push([frame.mediaTime, number()]); video.requestVideoFrameCallback(shown); };
  video.requestVideoFrameCallback(shown);
  const ended = () => new Promise(done => {
    video.onended = () => done(''); video.onerror = () => done(video.error.message || 'it cannot be played');
    setTimeout(() => done('it does not end'), 30000 + 3000 * (video.duration || 10) / video.playbackRate);
  });
  let error = ended();
  video.src = src; video.play().catch(() => {});
  error = await error;
  // A machine with much else to do passes over pictures: slower, it shows more of them.
  for (let times = 0; !error && new Set(seen.map(one => one[0])).size < least && times < 3; times++) {
    video.playbackRate /= 2; error = ended(); video.play().catch(() => {}); error = await error;
  }
  return {error, seen, width: video.videoWidth, height: video.videoHeight, sound: video.webkitAudioDecodedByteCount};
}"""


def numbered(count):
    """BGR pictures, each with its number as eight bars: white is 1."""
    for n in range(count):
        image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for bit in range(BITS):
            image[:, bit * WIDTH // BITS : (bit + 1) * WIDTH // BITS] = 235 if n >> bit & 1 else 20
        yield image


def film(path, count=30, rate=10, late_s=0.0, pictures=None, **more):
    """A clip of numbered pictures whose first one is shown `late_s` after the file's clock begins."""
    times = [round(1000 * (late_s + n / rate)) for n in range(count)]
    return write_clip(path, pictures or numbered(count), fps=rate, times=times, **more)


@pytest.fixture(scope="module")
def chromium():
    """Debian's own, without a window."""
    if not shutil.which(CHROMIUM):
        pytest.skip("there is no Chromium on this machine to play videos with")
    from playwright.sync_api import sync_playwright

    # Playwright leaves an event loop in this thread, where Django would ask no database; no two run at once here.
    with mock.patch.dict(os.environ, DJANGO_ALLOW_ASYNC_UNSAFE="1"), sync_playwright() as driver:
        options = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@contextmanager
def served(folder):
    """The address of a server of a folder's files, for a browser on this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *of, **more):
            super().__init__(*of, directory=str(folder), **more)

        def log_message(self, *of):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def played(browser, folder, name, least=0):
    """What a browser showed of a file; of `least` pictures at least, if need be by playing it again, slower."""
    (folder / "index.html").write_text("<!doctype html><body>")
    with served(folder) as address:
        page = browser.new_page()
        try:
            page.goto(f"{address}/index.html")
            return page.evaluate(PLAY, [f"{address}/{name}", least])
        finally:
            page.close()
