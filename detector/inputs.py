"""The inputs of a decision, and the row they are kept as, so that anybody can decide again. Pure.

    decide ─▶ Decision.inputs ─ inputs_row ─▶ JSON, kept with the finding ─ inputs_from ─▶ decide again

The row names the consent records by id and version; the records themselves are kept once, append-only. Numbers and
moments are written in full, since the hash of the inputs (`Decision.inputs_sha256`) is of the very values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any

from detector.decision import Evidence, TalentStanding
from detector.matches import CopyClass, Doubt
from detector.record import ConsentRecord, Place
from detector.use import Medium, Moment, SyntheticClass, Use

Row = dict[str, Any]

_MOMENTS = ("published_at", "made_at", "seen_at")


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that `detector.consent.decide` was given."""

    evidence: Evidence
    use: Use
    records: tuple[ConsentRecord, ...]
    talent: TalentStanding | None
    at: datetime
    clients_of_domain: tuple[str, ...]


def inputs_row(inputs: Inputs) -> Row:
    """As JSON. Of the use only what is known; of each record its id and version."""
    use = {
        field.name: value
        for field in fields(inputs.use)
        if (value := getattr(inputs.use, field.name)) not in (None, ())
    }
    return {
        "evidence": asdict(inputs.evidence),
        "use": use | {name: use[name].isoformat() for name in _MOMENTS if name in use},
        "records": [[record.consent_id, record.version] for record in sorted(set(inputs.records), key=Place)],
        "talent": None if inputs.talent is None else asdict(inputs.talent),
        "at": inputs.at.isoformat(),
        "clients_of_domain": sorted(set(inputs.clients_of_domain)),
    }


def inputs_from(row: Mapping[str, Any], record_of: Callable[[str, int], ConsentRecord]) -> Inputs:
    """The inputs that a row writes. Raises ValueError, TypeError or KeyError for one that is not such a row, and what
    `record_of` raises for a record that is not there."""
    talent = row["talent"]
    return Inputs(
        evidence=_evidence(row["evidence"]),
        use=_use(row["use"]),
        records=tuple(record_of(consent_id, version) for consent_id, version in row["records"]),
        talent=None if talent is None else TalentStanding(**talent),
        at=datetime.fromisoformat(row["at"]),
        clients_of_domain=tuple(row["clients_of_domain"]),
    )


def _evidence(row: Mapping[str, Any]) -> Evidence:
    copied = row["copy_class"]
    read = {
        "doubts": tuple(map(Doubt, row["doubts"])),
        "copy_class": None if copied is None else CopyClass(copied),
        "synthetic": SyntheticClass(row["synthetic"]),
    }
    return Evidence(**{**row, **read})


def _use(row: Mapping[str, Any]) -> Use:
    read: Row = {name: _moment(row[name]) for name in _MOMENTS if name in row}
    if "medium" in row:
        read["medium"] = Medium(row["medium"])
    if "alterations" in row:
        read["alterations"] = tuple(row["alterations"])
    return Use(**{**row, **read})


def _moment(text: str) -> Moment:
    """A day alone stays a day."""
    return date.fromisoformat(text) if len(text) == len("2026-03-01") else datetime.fromisoformat(text)
