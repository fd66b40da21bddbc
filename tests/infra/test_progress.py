import io

import pytest

from fakelake.infra import progress
from fakelake.infra.progress import RunProgress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_without_a_terminal_there_is_a_line_now_and_then(monkeypatch, capsys):
    monkeypatch.setattr(progress, "LOG_EVERY_S", 0.0)
    with RunProgress("ingest", 40) as shown:
        shown.update(3, "310 frames/s")
    out, err = capsys.readouterr()
    assert out == "" and err.rstrip().endswith("ingest: 3 of 40 videos, 310 frames/s")


def test_lines_are_half_a_minute_apart(capsys):
    with RunProgress("ingest", 40) as shown:
        for n in range(40):
            shown.update(n, "")
    assert progress.LOG_EVERY_S == 30.0
    assert capsys.readouterr().err == ""


def test_on_a_terminal_there_is_a_bar_on_stderr(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with RunProgress("ingest", 40) as shown:
        shown.update(40, "310 frames/s")
    assert "40/40" in terminal.getvalue() and "310 frames/s" in terminal.getvalue()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("terminal", [Terminal(), io.StringIO()])
def test_a_quiet_run_says_nothing(monkeypatch, terminal):
    monkeypatch.setattr(progress, "LOG_EVERY_S", 0.0)
    monkeypatch.setattr("sys.stderr", terminal)
    with RunProgress("ingest", 40, quiet=True) as shown:
        shown.update(3, "310 frames/s")
    assert terminal.getvalue() == ""
