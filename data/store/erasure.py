"""Erasure of a talent: references, vectors, pictures, names and what findings say of them go; a tombstone, the consents
and the audit chain stay. A legal hold stops it.

Consent records stay because they prove that what was done until now was allowed; a follower of the change
feed gets one removal per reference.
"""

from __future__ import annotations

from sqlalchemy import select, update

from data.blobs import Blobs
from data.store.database import Database
from data.store.finding_erasure import forget_talent, sweep_evidence
from data.store.holds import refuse_held
from data.store.references import drop, sweep_rows
from data.store.requests import forget_answers
from data.store.scan_erasure import forget_in_scans
from data.store.tables import reference, talent
from data.store.talents import Talent, find, present


def erase(database: Database, blobs: Blobs, evidence: Blobs, talent_id: str) -> Talent:
    """Erase a talent in one transaction, then the files. Raises NotFound, Conflict when erased already, LegalHold."""
    with database.change("talent.erased", talent_id) as change:
        named = present(change.connection, talent_id)
        refuse_held(change.connection, talent_id)
        held = select(reference.c.id).where(reference.c.talent_id == talent_id).order_by(reference.c.id)
        reference_ids = change.connection.execute(held).scalars().all()
        for reference_id in reference_ids:
            drop(change, reference_id)
        change.details["references"] = len(reference_ids)
        change.details["findings"] = forget_talent(change.connection, talent_id)
        forget_in_scans(change.connection, talent_id)
        forget_answers(change.connection, (talent_id, named.ref, named.name))
        blank = {"ref": talent_id, "name": talent_id, "agency": None, "erased_at": change.at}
        change.connection.execute(update(talent).where(talent.c.id == talent_id).values(blank))
        tombstone = find(change.connection, talent_id)
    for folder in (blobs, evidence):
        folder.clear_staging(database.clock())  # a killed import may have left a picture there
    sweep_rows(database, blobs)
    sweep_evidence(database, evidence)
    database.truncate_log()
    return tombstone
