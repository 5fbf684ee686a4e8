"""The project's own promises that no other test would notice: what git keeps, and what the texts never name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """The files git keeps. A source tree without git (an unpacked archive) has no such promise to check."""
    if not (ROOT / ".git").exists():
        pytest.fail("run the tests from a git checkout: this test reads what git tracks")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [name for name in listing.stdout.decode().split("\0") if name]


def test_git_keeps_the_data_package(tracked: list[str]) -> None:
    assert "data/__init__.py" in tracked
    assert any(name.startswith("data/migrations/") for name in tracked)


def test_no_picture_or_weight_file_of_others_is_committed(tracked: list[str]) -> None:
    fetched = (".onnx", ".pt", ".pth", ".whl", ".heic", ".avif", ".webp", ".npz")
    assert [name for name in tracked if name.endswith(fetched)] == []


def test_no_registry_host_is_named(tracked: list[str]) -> None:
    hosts = ["pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "deb.debian" + ".org"]
    texts = (
        ROOT / name for name in tracked if Path(name).suffix in {".py", ".md", ".toml", ".json", ".html", ""}
    )
    naming = [
        str(path) for path in texts if any(host in path.read_text(errors="replace").lower() for host in hosts)
    ]
    assert naming == []


def test_readme_has_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "lookalike demo" in readme
    assert "make check" in readme
