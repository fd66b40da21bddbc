"""Servers that tests share: one Prefect server and one Ray for the whole session, started when first asked for."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from fakelake.infra.ports import free_port
from fakelake.infra.prefect_env import prepare

prepare()
if "PYTEST_XDIST_WORKER" in os.environ:  # several processes with all the cores' threads each would stand in line
    os.environ.setdefault("OMP_NUM_THREADS", "1")

SERVERS = {"prefect_server", "ray_address", "pipeline"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the servers comes first: it takes longest."""
    items.sort(key=lambda item: not _needs_servers(str(item.path)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With pytest-xdist one process has all files that need the servers, and a file's tests stay together."""
    from xdist.scheduler import LoadScopeScheduling

    class OneProcessHasTheServers(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "servers" if _needs_servers(str(config.rootpath / file)) else file

    config.option.loadscopereorder = False  # it would begin with what has the most tests
    return OneProcessHasTheServers(config, log)


@cache
def _needs_servers(file: str) -> bool:
    text = Path(file).read_text()
    return any(name in text for name in SERVERS)


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """API address of a real Prefect server on loopback, with a database of its own."""
    home = tmp_path_factory.mktemp("prefect")
    port = free_port()
    env = {**os.environ, "PREFECT_HOME": str(home)}
    serve = ["server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"]
    log = (home / "server.log").open("wb")
    server = subprocess.Popen([sys.executable, "-m", "prefect", *serve], env=env, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}/api"
    try:
        _wait_for(f"{url}/health", server, home / "server.log")
        yield url
    finally:
        _stop(server)


def _wait_for(url: str, server: subprocess.Popen, log: Path, seconds: float = 900) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"The server at {url} did not come up:\n{log.read_text(errors='replace')[-3000:]}")


def _stop(server: subprocess.Popen) -> None:
    server.terminate()
    try:
        server.wait(60)
    except subprocess.TimeoutExpired:  # what it has to say no longer matters
        server.kill()
        server.wait()


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Environment variables of a real S3 server on loopback, which honours conditional writes."""
    pytest.importorskip("moto.server")
    log = tmp_path_factory.mktemp("s3") / "server.log"
    port = free_port()
    serve = [sys.executable, str(Path(__file__).with_name("s3_server.py")), "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(serve, stdout=log.open("wb"), stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, server, log)
        yield {
            "AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "something",
        }  # fmt: skip
    finally:
        _stop(server)


@pytest.fixture
def bucket(s3_endpoint: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Address of an empty bucket of the test's own; the environment lets any S3 client reach it."""
    for name, value in s3_endpoint.items():
        monkeypatch.setenv(name, value)
    name = f"archive-{uuid.uuid4().hex[:8]}"
    request = urllib.request.Request(f"{s3_endpoint['AWS_ENDPOINT_URL']}/{name}", method="PUT")
    urllib.request.urlopen(request).close()
    return f"s3://{name}"


@pytest.fixture(scope="session")
def ray_address() -> Iterator[str]:
    """Address of a local Ray that this process started; other processes join it."""
    import ray

    from fakelake.infra.ray_join import connect

    connect(None, os.cpu_count())
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()


@pytest.fixture(scope="session")
def pipeline(prefect_server: str, ray_address: str) -> Iterator[None]:
    """`fakelake` commands, in this process or in one of their own, use the session's servers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", prefect_server)
        patch.setenv("FAKELAKE_RAY_ADDRESS", ray_address)
        yield
