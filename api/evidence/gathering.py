"""What is known of a finding, gathered from the store in one place: nothing of strangers beyond the picture itself.

finding ─▶ picture · decisions with inputs · consent records in full · references that matched · audit events
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data.store import Store
from data.store.chain import AuditEvent
from data.store.findings import KeptFinding, Review
from data.store.references import Reference
from detector.errors import NotFound, StoreError
from detector.finding import Row
from detector.naming import severity_of
from detector.record import ConsentRecord

PARTS = ("faces", "copies", "ingredients")
EVENTS = 1000
"""Audit events of one subject, at most."""


@dataclass(frozen=True, slots=True)
class Matter:
    """One flagged part of the picture: a face, a copy or an ingredient. `of`: where in the row, such as `faces/0`."""

    of: str
    row: Row = field(repr=False)

    @property
    def decision(self) -> Row:
        found: Row = self.row["decision"]
        return found

    @property
    def match(self) -> Row | None:
        """What matched: the candidate of the talent that was decided on, or the copy itself. None: nobody listed."""
        if "candidates" not in self.row:
            return self.row
        named = self.decision["talent"]
        return next((one for one in self.row["candidates"] if one["talent"] == named), None)


@dataclass(frozen=True, slots=True)
class Shown:
    """A reference and its picture, None when it is no longer kept."""

    reference: Reference
    picture: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything that goes into a bundle. `picture` None: not kept."""

    finding: KeptFinding
    history: Sequence[Review]
    picture: bytes | None = field(repr=False)
    matters: Sequence[Matter]
    records: Sequence[ConsentRecord] = field(repr=False)
    references: Mapping[str, Shown]
    talents: Mapping[str, tuple[str, str]] = field(repr=False)
    events: Sequence[AuditEvent]

    @property
    def row(self) -> Row:
        return self.finding.row


def gather(store: Store, finding_id: str) -> Gathered:
    """Raises NotFound when there is no such finding."""
    finding = store.findings.get(finding_id)
    matters = list(_matters(finding.row))
    records = list(_records(store, matters))
    return Gathered(
        finding=finding,
        history=store.findings.history(finding.id),
        picture=store.findings.picture(finding.id) if finding.picture else None,
        matters=matters,
        records=records,
        references=dict(_references(store, matters)),
        talents=_talents(store, matters),
        events=_events(store, [finding.id, *sorted({record.consent_id for record in records})]),
    )


def _matters(row: Row) -> Iterator[Matter]:
    for name in PARTS:
        for place, part in enumerate(row.get(name, ())):
            if severity_of(part["decision"]) != "none":
                yield Matter(f"{name}/{place}", part)


def records_named(decision: Row) -> set[tuple[str, int]]:
    """Id and version of every record that a decision looked at or was made from."""
    looked_at = {(record["consent_id"], record["version"]) for record in decision["consents"]}
    inputs: dict[str, Any] = decision.get("inputs") or {"records": ()}
    return looked_at | {(consent_id, version) for consent_id, version in inputs["records"]}


def _records(store: Store, matters: Sequence[Matter]) -> Iterator[ConsentRecord]:
    named = {pair for matter in matters for pair in records_named(matter.decision)}
    for consent_id, version in sorted(named):
        yield store.consents.get(consent_id, version)


def _references(store: Store, matters: Sequence[Matter]) -> Iterator[tuple[str, Shown]]:
    for reference_id in sorted({matter.match["reference"] for matter in matters if matter.match}):
        try:
            reference = store.references.get(reference_id)
        except NotFound:
            continue
        yield reference_id, Shown(reference, _picture(store, reference_id))


def _picture(store: Store, reference_id: str) -> bytes | None:
    try:
        return store.references.picture(reference_id)
    except (NotFound, StoreError):
        return None


def _talents(store: Store, matters: Sequence[Matter]) -> Mapping[str, tuple[str, str]]:
    """Reference and name of those who were decided on, by id; of nobody who was erased."""
    named = sorted({matter.decision["talent"] for matter in matters if matter.decision["talent"]})
    found = store.talents.many(named).values()
    return {each.id: (each.ref, each.name) for each in found if each.erased_at is None}


def _events(store: Store, subjects: Sequence[str]) -> Sequence[AuditEvent]:
    found = [event for subject in subjects for event in store.audit.list(subject=subject, limit=EVENTS)]
    return sorted(found, key=lambda event: event.number)
