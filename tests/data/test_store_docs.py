"""What the store and the sources call things is what docs/store.md and docs/fetching.md say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from data.store.tables import metadata

ROOT = Path(__file__).resolve().parents[2]
DOC = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("store.md", "fetching.md"))

NOUNS = "talent|reference|consent|signal|key|access|finding|webhook|delivery|scan|hold|evidence|vault|audit"


def written(folder: str, pattern: str) -> set[str]:
    return {
        name
        for file in (ROOT / "data" / folder).glob("*.py")
        for name in re.findall(pattern, file.read_text(encoding="utf-8"))
    }


def test_every_table_is_described() -> None:
    assert [name for name in metadata.tables if f"`{name}`" not in DOC] == []


@pytest.mark.parametrize(
    ("folder", "pattern", "some"),
    [
        ("store", rf'"((?:{NOUNS})\.[a-z]+ed)"', "consent.revoked"),
        ("sources", r'code="([a-z_]+)"', "folder_loop"),
        ("sources", r'Error: "([a-z_]+)"', "file_missing"),
        ("sources", r'^[A-Z_]+ = "([a-z]+_[a-z_]+)"', "bad_row"),
    ],
)
def test_every_action_and_code_is_described(folder: str, pattern: str, some: str) -> None:
    names = written(folder, f"(?m){pattern}")
    assert some in names
    assert sorted(name for name in names if f"`{name}`" not in DOC) == []
