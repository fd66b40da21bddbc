import os

from fakelake.infra.prefect_env import DEFAULTS, prepare


def test_what_the_user_has_set_stays_and_the_rest_is_set(monkeypatch):
    for name in DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "DEBUG")
    with monkeypatch.context() as patch:
        environment = dict(os.environ)
        patch.setattr("os.environ", environment)
        prepare()
    assert environment["PREFECT_LOGGING_LEVEL"] == "DEBUG"
    assert {name: environment[name] for name in DEFAULTS} == DEFAULTS | {"PREFECT_LOGGING_LEVEL": "DEBUG"}
