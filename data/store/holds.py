"""Legal holds: what may not be erased while somebody needs it as evidence.

    place("tal_…", reason)   the talent can't be erased, nor any of their references
    place("fin_…", reason)   the finding and its picture stay, also when a talent in it is erased
    release(subject, reason) what had to wait is for the next erasure, or `lookalike retention run`

A consent record whose term `privacy.legal_hold` is set holds its talent as well. A hold is refused to nobody and never
hidden: an erasure that meets one says so, and both ends of it are audited. Its reason is kept here, not in the audit.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from data.store.consents import records_of
from data.store.database import Database
from data.store.ids import HOLD, new_id
from data.store.rows import chunks, plain
from data.store.service_tables import finding
from data.store.tables import legal_hold, talent
from detector.errors import Conflict, LegalHold, NotFound, UsageError
from detector.record import current

REASON_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold on a talent or a finding; in force until `released_at`."""

    id: str
    subject: str
    reason: str
    placed_at: datetime
    released_at: datetime | None = None
    release_reason: str | None = None


class Holds:
    """Repository of holds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def place(self, subject: str, reason: str) -> Hold:
        """Hold a talent or a finding. Raises NotFound, Conflict (it is held already), UsageError (no reason)."""
        hold_id = new_id(HOLD, self._database.clock())
        with self._database.change("hold.placed", subject, {"hold": hold_id}) as change:
            _require_subject(change.connection, subject)
            if in_force(change.connection, [subject]):
                raise Conflict(f"{subject} is under a legal hold already; see `lookalike hold list`")
            hold = Hold(hold_id, subject, _reason(reason), change.at)
            columns = {name: getattr(hold, name) for name in ("id", "subject", "reason", "placed_at")}
            change.connection.execute(insert(legal_hold).values(columns))
        return hold

    def release(self, subject: str, reason: str) -> Hold:
        """End the hold on a talent or a finding. Raises NotFound, UsageError (no reason)."""
        with self._database.change("hold.released", subject) as change:
            found = in_force(change.connection, [subject])
            if subject not in found:
                raise NotFound(f"{subject} is under no legal hold; see `lookalike hold list`")
            change.details["hold"] = found[subject].id
            values = {"released_at": change.at, "release_reason": _reason(reason)}
            its = legal_hold.c.id == found[subject].id
            change.connection.execute(update(legal_hold).where(its).values(values))
            row = change.connection.execute(select(legal_hold).where(its)).one()
        return _hold(row)

    def list(self, *, released: bool = False) -> Sequence[Hold]:
        """Holds by their date; the released ones only if asked."""
        query = select(legal_hold).order_by(legal_hold.c.placed_at, legal_hold.c.id)
        if not released:
            query = query.where(legal_hold.c.released_at.is_(None))
        with self._database.reading() as connection:
            return [_hold(row) for row in connection.execute(query)]

    def on_talents(self, talent_ids: Collection[str]) -> dict[str, str]:
        """Why each of these talents can't be erased; those that can are left out."""
        with self._database.reading() as connection:
            return {name: why for name in talent_ids if (why := held_because(connection, name))}


def in_force(connection: Connection, subjects: Sequence[str]) -> dict[str, Hold]:
    """The holds on these subjects that are not released."""
    query = select(legal_hold).where(legal_hold.c.released_at.is_(None))
    return {
        row.subject: _hold(row)
        for some in chunks(subjects)
        for row in connection.execute(query.where(legal_hold.c.subject.in_(some)))
    }


def held_because(connection: Connection, talent_id: str) -> str | None:
    """Why a talent may not be erased; None where nothing stands against it."""
    found = in_force(connection, [talent_id]).get(talent_id)
    if found is not None:
        return f"legal hold {found.id} since {found.placed_at:%Y-%m-%d}: {found.reason}"
    records = current(records_of(connection, talent_id))
    held = [record.consent_id for record in records if record.privacy.legal_hold]
    return f"consent {held[0]} is marked as under legal hold" if held else None


def refuse_held(connection: Connection, talent_id: str) -> None:
    """Raises LegalHold where the talent may not be erased."""
    why = held_because(connection, talent_id)
    if why is not None:
        raise LegalHold(
            f"nothing of talent {talent_id} may be erased ({why}); end it first: "
            "`lookalike hold release`, or a new version of the consent"
        )


def _require_subject(connection: Connection, subject: str) -> None:
    for table in (talent, finding):
        if connection.execute(select(table.c.id).where(table.c.id == subject)).first():
            return
    raise NotFound(f"no talent and no finding has the id {subject!r}")


def _reason(text: str) -> str:
    cleaned = plain(text).strip()
    if not cleaned or len(cleaned) > REASON_LIMIT:
        raise UsageError(f"a hold needs a reason, of at most {REASON_LIMIT} characters")
    return cleaned


def _hold(row: Row[Any]) -> Hold:
    return Hold(**row._mapping)
