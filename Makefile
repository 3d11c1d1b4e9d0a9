# `make run` and `make test` need Python 3.11+ and pip, nothing else installed by hand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# `--without-pip` and `pip --python`: Debian ships `venv` without ensurepip.
PIP := $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check install --quiet

.PHONY: run test test-unit test-project lint docs bench bench-quick clean

run: $(VENV)/.run
	$(BIN)/python examples/overview.py

# The workers must collect the same ids, and some of them contain sets.
PYTEST := PYTHONHASHSEED=0 $(BIN)/python -m pytest -n 2

test: lint
	$(PYTEST) --ignore=tests/project

test-unit: lint
	$(PYTEST) tests/unit

# Builds the wheel, starts many processes and reads moto: a third of all the time.
test-project: $(VENV)/.test
	$(PYTEST) tests/project

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.test
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/screens.py
	$(BIN)/python tests/support/doc_blocks.py
	$(BIN)/python tests/support/run_notebooks.py

# About a quarter of an hour; writes benchmarks/results.json, docs/benchmarks.png and the table of docs/performance.md.
bench: $(VENV)/.test
	$(BIN)/python -m benchmarks
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/screens.py

bench-quick: $(VENV)/.test
	$(BIN)/python -m benchmarks --scale quick

$(BIN)/python:
	$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.run: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[all]'
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[all,test,bench]'
	@touch $@

clean:
	rm -rf $(VENV) dist build *.egg-info .mypy_cache .ruff_cache .pytest_cache
