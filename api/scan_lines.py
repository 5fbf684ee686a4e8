"""The rows of a scan as JSON Lines, for whoever asks: over REST and from its page."""

from __future__ import annotations

from collections.abc import Iterator

from api.reports.jsonl import to_line
from data.store import Store
from detector.access import Principal
from detector.visibility import row_for

_AT_ONCE = 200


def scan_lines(store: Store, caller: Principal, scan_id: str, after: int = -1) -> Iterator[bytes]:
    """The rows numbered above `after`, in the order of the pictures, as the caller may read them; each with its
    `number` and `finding_id`."""
    while page := store.scans.rows(scan_id, after, _AT_ONCE):
        for found in page:
            row = row_for(caller, found.row)
            yield to_line({**row, "number": found.number, "finding_id": found.finding_id}).encode()
        after = page[-1].number
