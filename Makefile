# Two commands need nothing but Python 3.11 to 3.13, gcc and a package index:
#   make demo   real clips -> faces -> catalog -> an answer from DuckDB
#   make test   all tests
# Both build .venv from requirements.lock first.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
UV = $(BIN)/python -m uv

.PHONY: demo test lint lock env clean

env: $(VENV)/.ready

# The lock is complete, so nothing is resolved here: `--no-deps` is what makes retinaface-pytorch's old pins harmless.
$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	  || { echo "fakelake needs Python 3.11 to 3.13; name one: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(UV) pip install --quiet --python $(BIN)/python --no-deps -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

demo: env
	$(BIN)/fakelake demo demo

test: env
	$(BIN)/python -m pytest tests -n 2

lint: env
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

lock: env
	$(UV) pip compile pyproject.toml --group dev --universal --python-version 3.11 --no-annotate --no-header --quiet \
	  --upgrade -o .lock.tmp
	{ sed -n '/^#/p' requirements.lock; cat .lock.tmp; } > .lock.new && mv .lock.new requirements.lock && rm .lock.tmp

clean:
	rm -rf $(VENV) demo build .pytest_cache .ruff_cache
