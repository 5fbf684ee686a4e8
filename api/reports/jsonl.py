"""Findings as JSON Lines: one row per input, in input order. This file is a run's result; every other
report is made of it.

Rows are flushed batch by batch, so a run that is interrupted, even by force, has lost at most what was in
flight. The last line may then be half written: `repair` cuts it off before the run goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from detector.errors import UsageError
from detector.finding import Row

CHUNK = 1 << 16


def to_line(row: Row) -> str:
    """One row as one line, its end included. Odd file names (lone surrogates) survive as escapes."""
    return json.dumps(row, ensure_ascii=True, separators=(",", ":")) + "\n"


def repair(path: Path) -> None:
    """Cut a half-written last line off. A row counts as written only with its line end."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        file.truncate(_end_of_last_line(file))


def _end_of_last_line(file: IO[bytes]) -> int:
    end = file.seek(0, 2)
    while end:
        start = max(0, end - CHUNK)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def read_rows(path: Path) -> Iterator[Row]:
    """Every row of a findings file, streamed. Raises UsageError naming the line that is none."""
    for _, row in read_rows_with_offsets(path):
        yield row


def read_rows_with_offsets(path: Path) -> Iterator[tuple[int, Row]]:
    """Every row with the byte offset at which it starts, so that a few can be read again later."""
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            yield offset, _parse(line, path, number)
            offset += len(line)


def read_row_at(path: Path, offset: int) -> Row:
    """The row that starts at that byte offset."""
    with path.open("rb") as file:
        file.seek(offset)
        return _parse(file.readline(), path, 0)


def _parse(line: bytes, path: Path, number: int) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise UsageError(
            f"line {number} of {path} is no finding ({error}); is this a findings file?"
        ) from error
    if not isinstance(row, dict):
        raise UsageError(f"line {number} of {path} is no finding; is this a findings file?")
    return row
