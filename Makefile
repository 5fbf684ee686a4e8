# The one door for checks; .ci/run and the README's second command go through `make check`.
PYTHON ?= python

.PHONY: check format lint types imports test test-slow test-clip openapi bench

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

# Tests run side by side, one process per core; four at most, since each loads the networks.
SPREAD ?= --numprocesses auto --maxprocesses 4 --dist worksteal

# Fast: what a change is tested with. Leaves out the whole evaluation from end to end, which CI runs.
test:
	$(PYTHON) -m pytest -m "not slow" $(SPREAD)

test-slow:
	$(PYTHON) -m pytest -m slow $(SPREAD)

test-clip:
	$(PYTHON) -m pytest -m clip

# The service's OpenAPI document; a test says when it is not the program's any more.
openapi:
	$(PYTHON) -m api.http.document docs/openapi.json

# Every figure of the documents in one table: goal, figure, peer, seed, command, machine. EXTRA passes options on, for
# example EXTRA='--options "throughput:--deepface /path/to/python" --report docs/benchmarks.md'.
EVAL ?= ../shared/eval
bench:
	$(PYTHON) -m benchmarks.table $(EVAL) $(EXTRA)
