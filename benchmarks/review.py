"""Every page of the review desk over 100,000 videos, against half a second a page on two cores.

    python benchmarks/review.py [--videos 100000] [--faces 2000000] [--directory DIR] [--repeat 7]

The real server (`python -m fakelake.review.serve`) answers over HTTP on loopback; a time is from the request to the
last byte of the answer. Printed are the median and the worst of `--repeat` requests, after one that is not counted, and
the bytes of the page as sent. The lake is the one of benchmarks/catalog_queries.py, at the worst moment between two
compactions, with a video of two hours in it. Its 180,000 boxes are no page: the player fetches them beside the film.

Peer: the same first page of the queue, asked of catalog.duckdb's `review_queue` in a process that keeps its connection
open, which is what a desk without a table of its own would do at each click. The ratio is the peer's time through ours.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import duckdb
import httpx
from catalog_queries import make_lake
from long_video import VIDEO_ID, add_long_video

from fakelake.catalog.lake import Lake
from fakelake.infra.ports import free_port

LIMIT_S = 0.5
PASSWORD = "benchmarks only, on loopback"
PEER = "SELECT video_id, name, band, p_fake, worst_second, reason FROM review_queue ORDER BY rank LIMIT 50"
FIRST_PAGE_BYTES = 100_000


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--videos", type=int, default=100_000)
    asked.add_argument("--faces", type=int, default=2_000_000)
    asked.add_argument("--directory", type=Path)
    asked.add_argument("--repeat", type=int, default=7)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="fakelake-review-") as own:
        root = options.directory or Path(own, "lake")
        if not (root / "lake.json").exists():
            make_lake(root, options.videos, options.faces)
        add_long_video(Lake.open(root))
        measure(root, options.repeat)


def measure(root: Path, repeat: int) -> None:
    port = free_port()
    env = {**os.environ, "FAKELAKE_LAKE": str(root), "FAKELAKE_DESK_PORT": str(port),
           "FAKELAKE_INBOX": str(root.parent / "inbox")}  # fmt: skip
    person = [sys.executable, "-m", "fakelake.flows.cli", "desk", "person", "bench", "--role", "administrator",
              "--password"]  # fmt: skip
    subprocess.run(person, env=env, input=PASSWORD, text=True, check=True, stdout=subprocess.DEVNULL)
    server = subprocess.Popen(
        [sys.executable, "-m", "fakelake.review.serve"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with closing(logged_in(f"http://127.0.0.1:{port}")) as client:
            pages(client, root, repeat)
    finally:
        server.terminate()
        server.wait(60)


def pages(client: httpx.Client, root: Path, repeat: int) -> None:
    queue = client.get("/queue/").text
    video = re.search(r"/videos/([0-9a-f]{64})/", queue).group(1)
    face = re.search(rf"/videos/{VIDEO_ID}/faces/\d+/\d+\.jpg", client.get(f"/videos/{VIDEO_ID}/").text)
    addresses = {
        "upload": "/", "queue": "/queue/", "queue, page 400": "/queue/?page=400&state=",
        "everything, newest": "/queue/?state=&order=newest", "search": "/queue/?find=0423&state=",
        "least sure, one data set": "/queue/?dataset=newsroom&order=least+sure",
        "a video": f"/videos/{video}/", "its boxes": f"/videos/{video}/boxes/",
        "a video of two hours": f"/videos/{VIDEO_ID}/", "its 180,000 boxes": f"/videos/{VIDEO_ID}/boxes/",
        "a face of it": face.group(0), "its face in a list": f"/videos/{VIDEO_ID}/face.jpg",
        "next": f"/queue/next/?after={video}", "decisions": "/decisions/", "insight": "/insight/",
        "quarantine": "/quarantine/", "SQL (the form)": "/sql/", "people": "/people/", "audit": "/audit/",
        "account": "/account/",
    }  # fmt: skip
    print(f"{'page':<28}{'median s':>10}{'worst s':>10}{'kB':>8}")
    slow, medians = [], {}
    for name, address in addresses.items():
        client.get(address)
        times, size = [], 0
        for _ in range(repeat):
            start = time.perf_counter()
            answer = client.get(address)
            times.append(time.perf_counter() - start)
            size = int(answer.headers.get("Content-Length") or len(answer.content))
            assert answer.status_code in (200, 302), (address, answer.status_code)
        medians[name] = statistics.median(times)
        print(f"{name:<28}{medians[name]:>10.3f}{max(times):>10.3f}{size / 1000:>8.1f}")
        if medians[name] > LIMIT_S:
            slow.append(name)
    first = sum(
        len(client.get(address).content)
        for address in ["/queue/", *set(re.findall(r'(?:href|src)="(/static/[^"]+)"', queue))]
    )
    print(
        f"the queue with its styles, scripts and icon, unpacked: {first / 1000:.0f} kB (aim {FIRST_PAGE_BYTES // 1000})"
    )
    peer(root, medians["queue"], repeat)
    print(f"over {LIMIT_S} s: {', '.join(slow) or 'none'}")


def peer(root: Path, ours: float, repeat: int) -> None:
    with duckdb.connect(str(root / "catalog.duckdb"), read_only=True) as connection:
        times = []
        for _ in range(repeat):
            start = time.perf_counter()
            connection.execute(PEER).fetchall()
            times.append(time.perf_counter() - start)
    theirs = statistics.median(times)
    print(
        f"the queue asked of the views at each click: {theirs:.3f} s, {theirs / ours:.1f} times the desk's whole page"
    )


def logged_in(address: str) -> httpx.Client:
    """A browser's session. The cookies are Secure: a browser sends them to loopback, httpx has to be told."""
    client = httpx.Client(base_url=address, timeout=60, follow_redirects=False)
    end = time.monotonic() + 120
    while True:
        try:
            page = client.get("/login/")
            break
        except httpx.TransportError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
    cookies = dict(page.cookies)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text).group(1)
    form = {"username": "bench", "password": PASSWORD, "csrfmiddlewaretoken": token}
    done = client.post("/login/", data=form, headers={"Cookie": _header(cookies)})
    assert done.status_code == 302, done.text
    client.cookies.clear()
    client.headers["Cookie"] = _header({**cookies, **dict(done.cookies)})
    return client


def _header(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


if __name__ == "__main__":
    main()
