"""A roster that was sent with its pictures: which file it is, and what its rows name.

bundle ─ find_roster ─▶ its name ─ read ─▶ rows, each with a picture of the bundle (never of this machine's disk)
"""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass

from api.roster import RosterRow, parse_roster
from data.sources.bundle import Bundle, bundled_item
from data.sources.items import Item
from detector.errors import BadBundle, UsageError

MAX_ROWS = 1000
"""Rows of one call: some minutes of work. A longer roster goes in several calls, or through `lookalike import`."""


@dataclass(frozen=True, slots=True)
class InBundle:
    """Pictures and documents beside a roster in a bundle: names, relative to its folder."""

    bundle: Bundle
    folder: str = ""

    def picture(self, name: str) -> Item:
        return Item(name, bundled_item(self.bundle, posixpath.join(self.folder, name)).read)

    def document(self, name: str) -> str:
        """The SHA-256 of the document that came along. Raises UnreadableInput."""
        data = bundled_item(self.bundle, posixpath.join(self.folder, name)).read()
        return hashlib.sha256(data).hexdigest()


def find_roster(bundle: Bundle) -> str:
    """The only CSV file, or the one called roster.csv. Raises BadBundle (code `no_roster`)."""
    tables = [name for name in bundle.names() if name.lower().endswith(".csv")]
    named = [name for name in tables if posixpath.basename(name).lower() == "roster.csv"]
    for found in (named, tables):
        if len(found) == 1:
            return found[0]
    raise BadBundle(
        f"{len(tables)} CSV files came; send one roster, called roster.csv where there are others",
        code="no_roster",
    )


def rows_in(bundle: Bundle) -> list[RosterRow]:
    """The rows of the roster in a bundle. Raises BadBundle, UnreadableInput, UsageError."""
    name = find_roster(bundle)
    return rows_of(bundle.read(name), name, InBundle(bundle, posixpath.dirname(name)))


def rows_of(body: bytes, name: str, beside: InBundle) -> list[RosterRow]:
    """The rows of a roster whose pictures lie in a bundle. Raises UsageError."""
    rows = parse_roster(body, name, beside)
    if len(rows) > MAX_ROWS:
        raise UsageError(
            f"{name} has {len(rows):,} rows; one call takes {MAX_ROWS:,}: send it in parts",
            code="too_many_rows",
        )
    return rows
