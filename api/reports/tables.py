"""Findings as CSV: one line per row, flat, for a spreadsheet; and with it the columns that the input came
with.

A spreadsheet runs a cell that begins like a formula, and file names and columns come from strangers: such
cells get an apostrophe in front. A carried column that has a name of ours is written as `input_<name>`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from api.reports.rows import best_candidate, consent_ids, reasons, talent_refs, threshold_of_faces
from detector.finding import Row

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def _first_copy(row: Row) -> Row:
    """The strongest copy; an empty row where there is none."""
    return next(iter(row["copies"]), {})


def _credentials(row: Row) -> Row:
    """What the file says of itself; an empty row where nobody asked."""
    return row.get("credentials") or {}


COLUMNS: Mapping[str, Callable[[Row], Any]] = {
    "source": lambda row: row["source"],
    "sha256": lambda row: row["sha256"],
    "status": lambda row: row["status"],
    "error_code": lambda row: (row["error"] or {}).get("code"),
    "error_detail": lambda row: (row["error"] or {}).get("detail"),
    "verdict": lambda row: row["verdict"],
    "qualifier": lambda row: (row["decision"] or {}).get("qualifier"),
    "severity": lambda row: row["severity"],
    "talents": lambda row: "|".join(talent_refs(row)),
    "reasons": lambda row: " ".join(reason["detail"] for reason in reasons(row)),
    "reason_codes": lambda row: "|".join(reason["code"] for reason in reasons(row)),
    "consents": lambda row: "|".join(consent_ids(row)),
    "faces": lambda row: len(row["faces"]),
    "copies": lambda row: len(row["copies"]),
    "copy_class": lambda row: _first_copy(row).get("copy_class"),
    "copy_picture_percent": lambda row: (_first_copy(row).get("proof") or {}).get("picture_percent"),
    "copy_reference_percent": lambda row: (_first_copy(row).get("proof") or {}).get("reference_percent"),
    "made_from": lambda row: "|".join(item["reference"] for item in row.get("ingredients", ())),
    "file_says": lambda row: _credentials(row).get("synthetic"),
    "file_says_by": lambda row: _credentials(row).get("synthetic_source"),
    "c2pa_state": lambda row: (_credentials(row).get("c2pa") or {}).get("state"),
    "c2pa_trusted": lambda row: (_credentials(row).get("c2pa") or {}).get("trusted"),
    "credential_notices": lambda row: "|".join(each["code"] for each in _credentials(row).get("notices", ())),
    "best_similarity": lambda row: (best_candidate(row) or {}).get("similarity"),
    "best_strength": lambda row: (best_candidate(row) or {}).get("strength"),
    "threshold_applied": threshold_of_faces,
    "width": lambda row: row["width"],
    "height": lambda row: row["height"],
    "as_of": lambda row: row["as_of"],
    "client": lambda row: row["use"].get("client"),
    "purpose": lambda row: row["use"].get("purpose"),
    "medium": lambda row: row["use"].get("medium"),
    "territory": lambda row: row["use"].get("territory"),
    "published_at": lambda row: row["use"].get("published_at"),
    "made_at": lambda row: row["use"].get("made_at"),
    "declared_ai": lambda row: row["use"].get("declared_ai"),
}


def safe_cell(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula. Numbers of ours stay numbers, a negative one too."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    text = str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def write_csv(
    path: Path, rows: Iterable[Row], carried: Iterable[Mapping[str, str]], extra: Sequence[str]
) -> None:
    """Write the CSV. `carried` are the input's columns, row by row; `extra` names those to write."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        _write(file, zip(rows, carried, strict=True), extra)


def _write(file: IO[str], pairs: Iterable[tuple[Row, Mapping[str, str]]], extra: Sequence[str]) -> None:
    writer = csv.writer(file)
    writer.writerow([*COLUMNS, *(safe_cell(_column_name(name)) for name in extra)])
    for row, carried in pairs:
        ours = [safe_cell(column(row)) for column in COLUMNS.values()]
        writer.writerow([*ours, *(safe_cell(carried.get(name)) for name in extra)])


def _column_name(name: str) -> str:
    return f"input_{name}" if name in COLUMNS else name


def columns_of(carried: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Every column name that occurs, in the order of first appearance."""
    seen: dict[str, None] = {}
    for columns in carried:
        for name in columns:
            if name not in seen:
                seen[name] = None
                yield name
