"""`lookalike import roster.csv`: many people and pictures at once. Importing the same roster twice
changes nothing.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import IO, TYPE_CHECKING

import typer

from api.commands.session import opened
from api.exits import Exit
from api.outputs import require_safe
from api.terminal import note, progress

if TYPE_CHECKING:
    from api.importing import ImportResult


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("import")(import_roster)


def import_roster(
    ctx: typer.Context,
    roster: Path = typer.Argument(
        ..., metavar="ROSTER.csv", help="Columns talent_ref, name, image; paths relative to the file."
    ),
    out: Path | None = typer.Option(
        None, "--out", metavar="RESULT.csv", help="One row per input row: status, code, detail. - is stdout."
    ),
) -> None:
    """Register the people of a roster with their releases and pictures. Ends with 1 when a row was rejected.

    Further columns: release_signed_at, release_document, retain_until, agency, minor, guardian.
    """
    from api.importing import COLUMNS, RosterImport
    from api.roster import read_roster

    rows = read_roster(roster)
    counts: Counter[str] = Counter()
    require_safe({"--out": None if str(out) == "-" else out}, [roster])
    with opened(ctx) as application, _writer(out, COLUMNS) as write:
        importing = RosterImport(application.store, application.registration, application.enroller_keeping)
        with progress("importing", len(rows)) as advance:
            for result in importing.run(rows, application.clock()):
                write(result)
                counts[result.status] += 1
                advance(1)
    note(", ".join(f"{counts[status]} {status}" for status in ("accepted", "unchanged", "rejected")))
    raise typer.Exit(Exit.FAILED if counts["rejected"] else Exit.CLEAN)


@contextmanager
def _writer(out: Path | None, columns: Sequence[str]) -> Iterator[Callable[[ImportResult], None]]:
    """What takes a result: the result file as soon as it is known, or else notes of what was rejected."""
    if out is None:
        yield _note_rejected
    elif str(out) == "-":
        yield _rows_to(sys.stdout, columns)
    else:
        with _created(out) as file:
            yield _rows_to(file, columns)


def _note_rejected(result: ImportResult) -> None:
    if result.status == "rejected":
        note(f"{result.talent_ref} {result.image}: {result.detail} [{result.code}]")


def _rows_to(file: IO[str], columns: Sequence[str]) -> Callable[[ImportResult], None]:
    """Writes each row through to the system at once: what the file says is kept survives a kill."""
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(columns)

    def write(result: ImportResult) -> None:
        rows.writerow(["" if value is None else str(value) for value in astuple(result)])
        file.flush()

    return write


def _created(out: Path) -> IO[str]:
    from detector.errors import UsageError

    try:
        return out.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"{out} can't be written: {error.strerror}") from error
