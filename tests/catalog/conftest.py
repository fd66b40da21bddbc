from __future__ import annotations

import logging
import socket
import uuid

import pytest

from fakelake.catalog.lake import Lake


@pytest.fixture
def lake(tmp_path):
    return Lake.create(tmp_path / "lake")


@pytest.fixture(scope="session")
def s3_endpoint():
    """A real S3 server on loopback; yields its environment variables."""
    boto3 = pytest.importorskip("boto3")
    server_module = pytest.importorskip("moto.server")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = server_module.ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    environment = {
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "something",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }
    boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="someone",
        aws_secret_access_key="something",
    ).create_bucket(Bucket="archive")
    yield environment
    server.stop()


@pytest.fixture
def s3_root(s3_endpoint, monkeypatch):
    """An empty prefix; its name holds what needs encoding, and signs of a glob pattern."""
    for name, value in s3_endpoint.items():
        monkeypatch.setenv(name, value)
    return f"s3://archive/my [1] lake {uuid.uuid4().hex[:8]}"
