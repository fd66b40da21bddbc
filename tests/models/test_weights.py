import hashlib
import os
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fakelake.models import weights
from fakelake.models.weights import (
    REGISTRY,
    Weights,
    WeightsCorrupt,
    WeightsMissing,
    WheelOrigin,
    default_directories,
    given,
    resolve,
)
from fakelake.models.wheels import cache_home
from tests.models.wheel_maker import make_wheel, only_wheels_from

CONTENT = b"weights of a small network" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def register(tmp_path, monkeypatch):
    """Adds an entry `toy` to the registry; the cache is empty and $FAKELAKE_WEIGHTS unset."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FAKELAKE_WEIGHTS", raising=False)

    def add(**changes):
        entry = {"file": "toy.pth", "sha256": SHA256, "licence": "MIT", "published": "with the toy", **changes}
        monkeypatch.setitem(REGISTRY, "toy", Weights(name="toy", **entry))

    add()
    return add


@pytest.fixture
def serve():
    """Starts a web server on loopback that answers with the bytes, the status or the delay it is given."""
    servers = []

    def start(body=b"", status=200, delay_s=0.0):
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                time.sleep(delay_s)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return lambda: f"http://127.0.0.1:{server.server_port}/toy.pth"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def cached_files():
    directory = cache_home() / "weights"
    return sorted(path.name for path in directory.iterdir()) if directory.exists() else []


def test_weights_in_a_directory_are_found_by_name_and_checked(register, tmp_path):
    (tmp_path / "toy.pth").write_bytes(CONTENT)
    found = resolve("toy", [tmp_path / "empty", tmp_path])
    assert (found.path, found.sha256) == (tmp_path / "toy.pth", SHA256)
    assert str(tmp_path) in found.origin


def test_the_directories_of_the_environment_come_before_the_cache(register, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKELAKE_WEIGHTS", os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")]))
    assert default_directories() == (tmp_path / "a", tmp_path / "b", cache_home() / "weights")
    for directory in default_directories()[1:]:
        directory.mkdir(parents=True)
        (directory / "toy.pth").write_bytes(CONTENT)
    assert resolve("toy").path == tmp_path / "b" / "toy.pth"


def test_a_file_with_the_wrong_bytes_is_refused_with_both_hashes(register, tmp_path):
    (tmp_path / "toy.pth").write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsCorrupt) as refused:
        resolve("toy", [tmp_path])
    assert SHA256 in str(refused.value)
    assert hashlib.sha256(CONTENT[:-1]).hexdigest() in str(refused.value)


def test_missing_weights_say_which_file_which_hash_from_where_and_where_to_put_it(register):
    with pytest.raises(WeightsMissing) as missing:
        resolve("toy")
    for part in ("toy.pth", SHA256, "with the toy", str(cache_home() / "weights"), "FAKELAKE_WEIGHTS"):
        assert part in str(missing.value)


def test_an_unknown_name_lists_the_known_ones(register):
    with pytest.raises(KeyError, match="retinaface-mobilenet025"):
        resolve("retinaface-mobilenet")


def test_the_first_digits_of_a_hash_are_enough_where_only_they_are_published(register, tmp_path):
    register(sha256=SHA256[:9])
    (tmp_path / "toy.pth").write_bytes(CONTENT)
    assert resolve("toy", [tmp_path]).sha256 == SHA256
    register(sha256="0" * 9)
    with pytest.raises(WeightsCorrupt, match="000000000…"):
        resolve("toy", [tmp_path])


def test_the_hash_of_a_zipped_checkpoint_may_be_that_of_the_checkpoint(register, tmp_path):
    register(file="toy.zip", sha256=SHA256[:9])
    with zipfile.ZipFile(tmp_path / "toy.zip", "w") as archive:
        archive.writestr("toy.pth", CONTENT)
    assert resolve("toy", [tmp_path]).sha256 == hashlib.sha256((tmp_path / "toy.zip").read_bytes()).hexdigest()


def test_weights_come_out_of_a_wheel_without_running_its_code(register, tmp_path, monkeypatch):
    only_wheels_from(tmp_path / "shelf", monkeypatch)
    source = b"WEIGHTS = " + repr(CONTENT).encode()
    make_wheel(tmp_path / "shelf", "toy-net", "0.1", {"toy/weights.py": source, "toy/__init__.py": b"1/0"})
    register(wheel=WheelOrigin(package="toy-net", version="0.1", member="toy/weights.py", extract=weights._literal))
    found = resolve("toy")
    assert found.path.read_bytes() == CONTENT
    assert found.origin == "wheel toy-net 0.1"
    assert cached_files() == ["toy.pth"]
    assert resolve("toy", allow_download=False).path == found.path


def test_weights_come_from_a_url_into_the_cache(register, serve):
    register(url=serve(CONTENT))
    found = resolve("toy")
    assert found.path.read_bytes() == CONTENT
    assert found.origin.startswith("http://127.0.0.1")
    assert cached_files() == ["toy.pth"]


def test_nothing_is_downloaded_when_that_is_not_allowed(register, serve):
    register(url=serve(CONTENT))
    with pytest.raises(WeightsMissing):
        resolve("toy", allow_download=False)
    assert cached_files() == []


def test_a_download_with_the_wrong_bytes_is_refused_and_not_kept(register, serve):
    register(url=serve(b"<html>please log in</html>"))
    with pytest.raises(WeightsCorrupt, match=SHA256):
        resolve("toy")
    assert cached_files() == []


def test_a_url_that_answers_with_an_error_is_named_in_the_message(register, serve):
    register(url=serve(status=404))
    with pytest.raises(WeightsMissing, match=r"http://127\.0\.0\.1.*404"):
        resolve("toy")


def test_a_server_that_never_answers_does_not_hold_us_for_ever(register, serve, monkeypatch):
    monkeypatch.setattr(weights, "READ_TIMEOUT_S", 0.2)
    register(url=serve(CONTENT, delay_s=2))
    with pytest.raises(WeightsMissing, match="timed out"):
        resolve("toy")


def test_when_the_wheel_cannot_be_had_the_url_is_tried(register, serve, tmp_path, monkeypatch):
    only_wheels_from(tmp_path, monkeypatch)
    register(
        wheel=WheelOrigin(package="toy-net", version="0.1", member="x", extract=weights._literal), url=serve(CONTENT)
    )
    assert resolve("toy").path.read_bytes() == CONTENT


def test_a_path_given_by_a_person_is_hashed_and_taken(tmp_path):
    (tmp_path / "mine.pth").write_bytes(CONTENT)
    assert given("toy", tmp_path / "mine.pth").sha256 == SHA256
    with pytest.raises(WeightsMissing, match=r"other\.pth"):
        given("toy", tmp_path / "other.pth")


@pytest.mark.parametrize("name", ["mobilenet_v2-imagenet", "resnext50_32x4d-imagenet", "vgg19-imagenet"])
def test_torchvision_publishes_the_files_we_name(name):
    entry = REGISTRY[name]
    assert entry.url().endswith(f"/{entry.file}")
    assert f"-{entry.sha256}." in entry.file
