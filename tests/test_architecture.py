"""The house's rules as the design gives them: who may import whom, and what help must not wait for."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "fakelake"
FILES = sorted(PACKAGE.rglob("*.py"))

MAY_IMPORT = {
    "flows": {"flows", "tasks", "catalog", "infra"},
    "tasks": {"tasks", "models", "catalog"},
    "models": {"models"},
    "catalog": {"catalog"},
    "infra": {"infra", "catalog"},
    "review": {"review", "tasks", "catalog", "infra"},
}
# Beside the rooms: the version.
OF_THE_HOUSE = "fakelake"

HEAVY = {"av", "cv2", "onnxruntime", "ray", "torch", "torchvision"}
# A flow file is Prefect's and is imported only to run; no command line module imports one at its top.
FLOWS = {
    "auto_swap.py",
    "ingest_and_score.py",
    "maintain.py",
    "retrain.py",
    "watch.py",
    "drift.py",
    "ingest.py",
    "ingest_report.py",
    "score.py",
    "search.py",
    "swap.py",
    "train_detector.py",
    "train_generator.py",
}


def room(path):
    return path.relative_to(PACKAGE).parts[0]


def imports(path, top_level_only=False):
    """Full names of the modules that a file imports; with `top_level_only` those that importing the file imports."""
    names = set()
    waiting = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name}: imports are absolute here"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        if top_level_only and (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _is_for_types_only(node)):
            continue
        waiting.extend(ast.iter_child_nodes(node))
    return names


def _is_for_types_only(node):
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def of_ours(names):
    """Rooms that are imported; a name of the package itself counts as the house."""
    rooms = set()
    for name in names:
        first, *rest = name.split(".")
        if first == "fakelake":
            rooms.add(rest[0] if rest and (PACKAGE / rest[0]).is_dir() else OF_THE_HOUSE)
    return rooms


@pytest.mark.parametrize("path", [p for p in FILES if room(p) in MAY_IMPORT], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_arrows_point_one_way(path):
    strangers = of_ours(imports(path)) - MAY_IMPORT[room(path)] - {OF_THE_HOUSE}
    assert not strangers, f"{room(path)} may not import {', '.join(sorted(strangers))}"


def test_every_room_of_the_house_has_its_rule():
    rooms = {room(p) for p in FILES if p.parent != PACKAGE}
    assert rooms <= set(MAY_IMPORT)


@pytest.mark.parametrize("path", [p for p in FILES if room(p) == "flows"], ids=lambda p: p.name)
def test_no_flow_imports_a_heavy_library_at_its_top(path):
    names = {name.split(".")[0] for name in imports(path, top_level_only=True)}
    assert not names & HEAVY
    assert path.name in FLOWS or "prefect" not in names


@pytest.mark.parametrize("path", [p for p in FILES if room(p) == "models"], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_models_know_no_orchestrator(path):
    assert not {name.split(".")[0] for name in imports(path)} & {"prefect", "ray", "mlflow"}


def test_the_command_line_with_all_its_groups_loads_nothing_heavy():
    """So that help answers at once: most of these take from a tenth of a second to seconds."""
    heavy = sorted(HEAVY | {"prefect", "pyarrow", "duckdb", "deltalake", "obstore", "numpy"})
    code = f"import json, sys; import fakelake.flows.cli; print(json.dumps([m for m in {heavy} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == []


def test_every_file_has_one_reason_to_change():
    """A length is no proof of that, but far beyond 250 lines there are two."""
    long = {str(p.relative_to(PACKAGE)): n for p in FILES if (n := len(p.read_text().splitlines())) > 275}
    assert not long


def test_every_file_says_what_it_is():
    assert [str(p) for p in FILES if p.read_text().strip() and not ast.get_docstring(ast.parse(p.read_text()))] == []
