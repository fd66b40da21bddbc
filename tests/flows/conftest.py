"""Commands as they are typed, in this process."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fakelake.flows.cli import main


@pytest.fixture
def typed(capsys):
    """Call it with words of a command line: it answers with exit_code, output and stderr."""

    def run(*arguments):
        with pytest.raises(SystemExit) as done:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return SimpleNamespace(exit_code=done.value.code or 0, output=said.out, stderr=said.err)

    return run
