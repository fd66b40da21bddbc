"""`fakelake doctor`: is this machine ready, and if not, what to do."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fakelake.flows.shared_options import print_json

MODULES = (
    *("prefect", "ray", "mlflow", "deltalake", "duckdb", "pyarrow", "av", "onnxruntime", "opencv-python-headless"),
    "torch",
)
CODECS = ("h264", "hevc", "vp9", "av1", "mpeg4", "mpeg1video")
LEAST_FREE_GIB = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `state` is ok | warning | bad; `remedy` is empty when it is ok."""

    check: str
    state: str
    found: str
    remedy: str = ""


def examine(lake: str, as_json: bool) -> int:
    """Print all findings. Returns 1 when any is bad, else 0."""
    checks: list[Callable[[], list[Finding]]] = [
        _python, _libraries, _codecs, _weights, lambda: _disk(lake), lambda: _lake(lake), _machine, _prefect,
    ]  # fmt: skip
    findings = [finding for check in checks for finding in check()]
    if as_json:
        print_json([asdict(f) for f in findings])
    else:
        for f in findings:
            print(f"{f.state:>8}  {f.check}: {f.found}{'. ' + f.remedy if f.remedy else ''}")
    return int(any(f.state == "bad" for f in findings))


def _python() -> list[Finding]:
    here = ".".join(map(str, sys.version_info[:3]))
    ok = (3, 11) <= sys.version_info[:2] < (3, 14)
    return [Finding("python", "ok" if ok else "bad", here, "" if ok else "Use Python 3.11 to 3.13.")]


def _libraries() -> list[Finding]:
    findings = []
    for module in MODULES:
        try:
            findings.append(Finding(module, "ok", version(module)))
        except PackageNotFoundError:
            findings.append(Finding(module, "bad", "not installed", "Run `make` again; it installs requirements.lock."))
    try:
        version("opencv-python")
        findings.append(
            Finding(
                "opencv",
                "bad",
                "opencv-python and opencv-python-headless overwrite each other",
                "Uninstall the former.",
            )
        )
    except PackageNotFoundError:
        pass
    return findings


def _codecs() -> list[Finding]:
    import av

    missing = [c for c in CODECS if c not in av.codecs_available]
    state = "warning" if missing else "ok"
    return [Finding("decoders", state, f"without {', '.join(missing)}" if missing else ", ".join(CODECS))]


def _weights() -> list[Finding]:
    from fakelake.tasks.prepare import detector_weights

    return [
        Finding(f"weights {name}", "ok" if path else "warning", str(path or "not here"), origin)
        for name, path, origin in detector_weights()
    ]


def _disk(lake: str) -> list[Finding]:
    if lake.startswith("s3://"):
        return []
    place = Path(lake).absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 2**30
    remedy = "" if free >= LEAST_FREE_GIB else "Free some space, or put the lake elsewhere."
    return [Finding("disk", "ok" if free >= LEAST_FREE_GIB else "bad", f"{free:.1f} GiB free at {place}", remedy)]


def _lake(lake: str) -> list[Finding]:
    from fakelake.catalog.lake import Lake, LakeNotFound

    try:
        opened = Lake.open(lake)
        with opened.connect() as connection:
            videos = connection.execute("SELECT count(*) FROM videos").fetchone()[0]
    except LakeNotFound:
        return [Finding("lake", "ok", f"none yet at {lake}; an ingest makes it")]
    except Exception as error:  # whatever is wrong with it is the finding
        return [Finding("lake", "bad", f"{lake}: {error}", "See `fakelake catalog check`.")]
    return [Finding("lake", "ok", f"{opened.location.root}: {videos:,} videos")]


def _machine() -> list[Finding]:
    cores = os.cpu_count() or 1
    if "SC_AVPHYS_PAGES" not in os.sysconf_names:  # macOS
        return [Finding("machine", "ok", f"{cores} cores")]
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    enough = free >= 1 + cores
    remedy = "" if enough else f"Each of {cores} workers takes up to 1 GiB: set FAKELAKE_CPUS lower."
    return [Finding("machine", "ok" if enough else "warning", f"{cores} cores, {free:.1f} GiB of memory free", remedy)]


def _prefect() -> list[Finding]:
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return [Finding("prefect", "ok", "no server set: each command starts its own for as long as it runs")]
    import httpx

    try:
        httpx.get(f"{url}/health", timeout=5).raise_for_status()
    except httpx.HTTPError as error:
        return [Finding("prefect", "bad", f"{url}: {error}", "Start that server, or unset PREFECT_API_URL.")]
    return [Finding("prefect", "ok", url)]
