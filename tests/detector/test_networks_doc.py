"""docs/networks.md names every code, fault, weights file and signal that the code knows."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from api import coverage, face_networks
from data.weights import manifest, sample_manifest
from detector import decoding
from detector.decoding import FORMATS
from detector.faces import quality, recogniser
from detector.hashing import KINDS

DOC = (Path(__file__).parents[2] / "docs" / "networks.md").read_text("utf-8")


def codes_in(module: object) -> set[str]:
    """The string constants given as `code=` in a module's calls."""
    tree = ast.parse(Path(module.__file__).read_text("utf-8"))
    keywords = [word for node in ast.walk(tree) if isinstance(node, ast.Call) for word in node.keywords]
    return {
        word.value.value for word in keywords if word.arg == "code" and isinstance(word.value, ast.Constant)
    }


def faults_in(module: object) -> set[str]:
    tree = ast.parse(Path(module.__file__).read_text("utf-8"))
    tables = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    return {key.value for table in tables for key in table.keys if isinstance(key, ast.Constant)}


SWITCHING = codes_in(face_networks) | codes_in(recogniser) | codes_in(coverage)


def test_every_code_of_a_switch_is_found() -> None:
    assert {"non_commercial", "weights_unpinned", "network_unfit", "reindex_needed"} <= SWITCHING


@pytest.mark.parametrize("name", sorted(codes_in(decoding) | faults_in(quality) | SWITCHING))
def test_codes_and_faults_are_documented(name: str) -> None:
    assert f"`{name}`" in DOC


def test_the_tables_are_not_empty() -> None:
    assert len(codes_in(decoding)) >= 9
    assert faults_in(quality) == {"low_detection_score", "too_small", "blurred", "incomplete", "extreme_pose"}


def test_weights_formats_and_hashes_are_documented() -> None:
    for entry in manifest():
        hub = f"`{entry.hub}`" if entry.hub else "–"
        assert f"`{entry.name}` | `{entry.file}` | {entry.size:,} | {entry.licence} | {hub}" in DOC
    assert all(entry.package in DOC for entry in (*manifest(), *sample_manifest()) if entry.package)
    spoken = {
        "JPEG": "JPEG",
        "PNG": "PNG",
        "WEBP": "WebP",
        "GIF": "GIF",
        "BMP": "BMP",
        "TIFF": "TIFF",
        "HEIF": "HEIC",
        "AVIF": "AVIF",
    }
    assert all(spoken[name] in DOC for name in FORMATS)
    assert all(kind.signal.model.lower() in DOC.lower() for kind in KINDS)
