"""The AI terms of a consent record as a CAWG training and data mining assertion, to be put into a C2PA manifest. Pure.

    record ─▶ {"label": "cawg.training-mining", "data": {"entries": …}}

After the CAWG specification 1.1 (cawg.io/training-and-data-mining). A record speaks to its grantee, an assertion to
everybody: what the record allows is therefore `constrained` with the consent named, and never `allowed`. On data mining
it says nothing, so that entry is left out: silence is no permission."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from detector.record import ConsentRecord, ConsentStatus, defects, status
from detector.terms import ConsentKind

LABEL = "cawg.training-mining"
TRAINING = ("cawg.ai_training", "cawg.ai_generative_training")
INFERENCE = "cawg.ai_inference"


def training_mining(record: ConsentRecord, at: datetime, *, superseded: bool = False) -> dict[str, Any]:
    """The assertion as of `at`. `superseded`: a newer version is on record, so that this one allows nothing."""
    trains = _trains(record)
    counts = status(record, at, superseded) is ConsentStatus.ACTIVE and not defects(record)
    entries = {name: _entry(record, trains and counts) for name in TRAINING}
    if record.ai.generation is not None:
        entries[INFERENCE] = _entry(record, record.ai.generation and counts)
    return {"label": LABEL, "data": {"entries": entries}}


def _trains(record: ConsentRecord) -> bool:
    """A consent of kind training allows it unless it says otherwise; any other has to say so."""
    said = record.ai.training
    return said if said is not None else record.kind is ConsentKind.TRAINING


def _entry(record: ConsentRecord, allows: bool) -> dict[str, str]:
    if not allows:
        return {"use": "notAllowed"}
    return {"use": "constrained", "constraint_info": _constraint(record)}


def _constraint(record: ConsentRecord) -> str:
    parts = [f"only under consent {record.consent_id} version {record.version}"]
    if record.grantee is not None:
        parts.append(f"by {record.grantee.client}")
    if record.ends_at is not None:
        parts.append(f"until {record.ends_at.isoformat()}")
    if record.ai.tools:
        parts.append(f"with {', '.join(record.ai.tools)}")
    return ", ".join(parts)
