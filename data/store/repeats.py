"""Repetitions of what a person called benign: the same picture, of the same client, that names nobody new.

`wrong_person` holds for every use of the picture, `authorised_out_of_band` for the very use that the document was
about, and no graver a verdict than it was then. The newest decision on each earlier finding counts, so a correction
ends the suppression.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy import Row as SqlRow

from data.store.service_tables import finding
from detector.finding import Row
from detector.naming import severity_of, talents_in
from detector.review import BENIGN, ReviewState


def benign_before(
    connection: Connection, row: Row, client_key: str | None, talents: Sequence[str]
) -> str | None:
    """The newest finding whose review says that this row is nothing to look at; None when nobody said so."""
    same = select(finding).where(
        finding.c.sha256 == row["sha256"],
        finding.c.client_key.is_not_distinct_from(client_key),
        finding.c.state.in_(sorted(map(str, BENIGN))),
    )
    for before in connection.execute(same.order_by(finding.c.reviewed_at.desc(), finding.c.id)):
        if _speaks_for(before, row, talents):
            return str(before.id)
    return None


def _speaks_for(before: SqlRow[Any], row: Row, talents: Sequence[str]) -> bool:
    earlier: Row = json.loads(before.row)
    if not talents_in(earlier).issuperset(talents):
        return False
    if before.state == ReviewState.WRONG_PERSON:
        return True
    return bool(earlier["use"] == row["use"]) and severity_of(row).rank <= severity_of(earlier).rank
