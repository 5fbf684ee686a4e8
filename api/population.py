"""Labelled pictures to calibrate on: who is in each, and which of them count as references.

    manifest (person, image)              the first half of a person's pictures, five at most, are references
    folder with gallery.csv, probes.csv   references and probes as they say

Nothing of these people is kept: a picture's face is looked at, compared, and forgotten.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from detector.errors import UsageError

MOST_REFERENCES = 5
REAL = frozenset({"", "real"})
"""Kinds of probes that calibrate: a replica of a person is no picture of them."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One picture. shows: the people in it, none for somebody nobody has a reference of. group: whose picture it is, so
    that one much-photographed person does not count for many."""

    path: Path
    shows: frozenset[str]
    group: str
    reference: bool


def read_population(path: Path) -> list[Labelled]:
    """Every picture that is named. Raises UsageError for a file that can't be read or lacks a column."""
    if path.is_dir():
        return [*_gallery(path), *_probes(path)]
    return list(_halved(path))


def _halved(manifest: Path) -> Iterator[Labelled]:
    by_person: dict[str, list[Path]] = {}
    for row in _rows(manifest, ("person", "image")):
        by_person.setdefault(row["person"], []).append(manifest.parent / row["image"])
    for person, listed in by_person.items():
        pictures = list(dict.fromkeys(listed))  # a picture beside itself is no comparison
        references = min(MOST_REFERENCES, (len(pictures) + 1) // 2)
        for number, picture in enumerate(pictures):
            yield Labelled(picture, frozenset({person}), person, number < references)


def _gallery(folder: Path) -> Iterator[Labelled]:
    for row in _rows(folder / "gallery.csv", ("talent_ref", "image")):
        talent = row["talent_ref"]
        yield Labelled(folder / row["image"], frozenset({talent}), talent, True)


def _probes(folder: Path) -> Iterator[Labelled]:
    """Pictures of nobody registered count by their column `person`, else by the folder they lie in."""
    for row in _rows(folder / "probes.csv", ("image", "truth")):
        if row.get("kind", "") not in REAL:
            continue
        shows = frozenset(filter(None, row["truth"].split("|")))
        path = folder / row["image"]
        yield Labelled(path, shows, row.get("person") or "|".join(sorted(shows)) or str(path.parent), False)


def _rows(path: Path, needed: Sequence[str]) -> Iterator[Mapping[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            absent = [name for name in needed if name not in (reader.fieldnames or ())]
            if absent:
                raise UsageError(f"{path} lacks the column {', '.join(absent)}; it needs {', '.join(needed)}")
            for row in reader:
                yield _stripped(path, reader.line_num, row, needed)
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is no CSV in UTF-8: {error}") from error


def _stripped(
    path: Path, line: int, row: Mapping[str | None, object], needed: Sequence[str]
) -> Mapping[str, str]:
    if None in row:
        raise UsageError(f"{path}, line {line}: more cells than columns")
    cells = {str(name): str(cell).strip() for name, cell in row.items()}
    empty = [name for name in needed if not cells[name] and name != "truth"]
    if empty:
        raise UsageError(f"{path}, line {line}: {', '.join(empty)} is empty")
    return cells
