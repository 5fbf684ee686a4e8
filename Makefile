# The one door for checks; .ci/run and the README's second command go through `make check`.
PYTHON ?= python

.PHONY: check format lint types imports test test-clip bench

check: lint types imports test

format:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy

imports:
	PYTHONPATH=. lint-imports

test:
	$(PYTHON) -m pytest

test-clip:
	$(PYTHON) -m pytest -m clip
