"""A run of a scan: its findings file, and the header beside it that says with which parameters it was made.

`findings.jsonl.run.json` is written before the first row and again when the run is complete. `--resume`
goes on only with the same parameters: the same source, use, moment, signals and version. Rows that are
there already are not made again: every item of the source uses up one row of its own name.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from api.reports.jsonl import read_rows, repair
from api.scanning import Item
from detector.errors import UsageError

HEADER_SUFFIX = ".run.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class RunHeader:
    """What a run was made with. `source_sha256` is of a manifest or feed (a folder may change, its files
    are named by the rows). `options` are the use and the number of candidates; `signals` name what computed
    them."""

    version: str
    source: str
    source_sha256: str | None
    as_of: str
    options: Mapping[str, str]
    signals: tuple[str, ...]
    complete: bool = False
    format: int = FORMAT


def header_path(findings: Path) -> Path:
    return findings.with_name(findings.name + HEADER_SUFFIX)


def write_header(findings: Path, header: RunHeader) -> None:
    """Write the header beside the findings file, whole or not at all."""
    target = header_path(findings)
    temporary = target.with_name(target.name + ".part")
    temporary.write_text(json.dumps(asdict(header), indent=2) + "\n", encoding="utf-8")
    temporary.replace(target)


def read_header(findings: Path) -> RunHeader | None:
    """The header beside a findings file, None where there is none. Raises UsageError when it cannot be
    read."""
    path = header_path(findings)
    if not path.exists():
        return None
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return RunHeader(**{**values, "signals": tuple(values["signals"])})
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"{path} cannot be read as the header of a run ({error}); choose another --out."
        ) from error


def require_same(before: RunHeader, now: RunHeader, findings: Path) -> None:
    """Raise UsageError, naming every difference, unless a run may go on in this file."""
    differences = [
        f"{name} was {old!r} and is {new!r}"
        for name, old, new in _pairs(before, now)
        if old != new and name != "complete"
    ]
    if differences:
        raise UsageError(
            f"{findings} was made with other parameters, so it cannot be resumed: {'; '.join(differences)}. "
            "Give the same ones, or another --out."
        )


def _pairs(before: RunHeader, now: RunHeader) -> Iterator[tuple[str, Any, Any]]:
    for name, old in asdict(before).items():
        new = getattr(now, name)
        if name == "options":
            for option in sorted({*old, *new}):
                yield f"--{option.replace('_', '-')}", old.get(option), new.get(option)
        else:
            yield name, old, new


def refuse_to_overwrite(findings: Path) -> None:
    """Raise UsageError when the file holds an unfinished run: its rows took time to make."""
    header = read_header(findings)
    if header is not None and not header.complete and findings.exists() and findings.stat().st_size:
        raise UsageError(
            f"{findings} holds a run that was not finished; go on with --resume, "
            "start over with --overwrite, or give another --out."
        )


def digest_of(path: Path) -> str | None:
    """SHA-256 of a file, None for a folder."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class DoneRows:
    """The rows a findings file holds already, by source. Keeps eight bytes of hash per source, not the
    names."""

    def __init__(self, findings: Path) -> None:
        repair(findings)
        self._counts: Counter[bytes] = Counter()
        if findings.exists():
            self._counts.update(_key(row["source"]) for row in read_rows(findings))
        self.total = self._counts.total()

    def remaining(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items that have no row yet, in order. An item listed twice needs two rows."""
        for item in items:
            key = _key(item.source)
            if self._counts[key] > 0:
                self._counts[key] -= 1
            else:
                yield item


def _key(source: str) -> bytes:
    return hashlib.blake2b(source.encode("utf-8", "surrogatepass"), digest_size=8).digest()
