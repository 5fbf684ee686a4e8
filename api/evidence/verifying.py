"""Verifying: what a bundle proves by itself, offline and without a registry.

    bytes ─▶ container ─▶ signature, signer ─▶ members ─▶ picture ─▶ decisions, made again ─▶ audit events

Every step is a `Check`; none is left out because another failed, as far as there is anything to look at.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.evidence.bundle import Unpacked, faults_of, is_signed, unpack
from data.store.chain import AuditEvent, canonical
from detector.consent import decide
from detector.decision import Decision
from detector.errors import BadBundle, LookalikeError
from detector.inputs import inputs_from
from detector.record import ConsentRecord

_MALFORMED = (ValueError, TypeError, KeyError, AttributeError, IndexError, LookalikeError, RecursionError)
"""What reading a member can raise that is not what it should be: a finding of the check, not an error of ours."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. holds None: it can't be told from what is in the bundle."""

    name: str
    holds: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Verification:
    """All checks; `finding` and `public_key` as the manifest has them, empty where there is none."""

    checks: tuple[Check, ...]
    finding: str = ""
    public_key: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing was altered, as far as it can be told."""
        return all(check.holds is not False for check in self.checks)


def verify(bundle: bytes, trusted: str | None = None) -> Verification:
    """trusted: the public key of whoever is believed, in hex; None: nobody's is known."""
    try:
        found = unpack(bundle)
    except BadBundle as error:
        return Verification((Check("container", False, f"the file {error.detail}"),))
    checks = (
        Check("container", True, f"{len(found.members)} members and nothing else"),
        _signature(found),
        _signer(found, trusted),
        _members(found),
        _looked_at("picture", _picture, found),
        _looked_at("decisions", _decisions, found),
        _looked_at("audit", _audit, found),
    )
    return Verification(checks, found.manifest["finding"], found.manifest["public_key"])


def _signature(found: Unpacked) -> Check:
    holds = is_signed(found.manifest)
    return Check(
        "signature", holds, "fits the manifest" if holds else "does not fit the manifest, which was altered"
    )


def _signer(found: Unpacked, trusted: str | None) -> Check:
    signer = found.manifest["public_key"]
    if trusted is None:
        return Check(
            "signer", None, f"{signer}: nothing here says whose key that is; compare it, or give --public-key"
        )
    holds = signer == trusted
    return Check(
        "signer", holds, f"{signer}" if holds else f"{signer} is another key than the trusted one, {trusted}"
    )


def _members(found: Unpacked) -> Check:
    faults = list(faults_of(found))
    return Check(
        "members", not faults, "; ".join(faults) or f"all {len(found.members)} are as they were signed"
    )


def _looked_at(name: str, look: Any, found: Unpacked) -> Check:
    try:
        result: Check = look(found)
    except _MALFORMED as error:
        return Check(name, False, f"can't be read ({type(error).__name__})")
    return result


def _picture(found: Unpacked) -> Check:
    expected = _read(found, "finding.json")["row"]["sha256"]
    pictures = [data for name, data in found.members.items() if name.startswith("picture.")]
    if not pictures:
        return Check("picture", None, "is not in the bundle: the finding kept none")
    holds = [hashlib.sha256(data).hexdigest() for data in pictures] == [expected]
    detail = (
        f"is the one that was checked, SHA-256 {expected}"
        if holds
        else "is another than the one that was checked"
    )
    return Check("picture", holds, detail)


def _decisions(found: Unpacked) -> Check:
    """Every flagged decision, made again by the rules of this program from the inputs in the bundle."""
    rows = _read(found, "decisions.json")
    records = _records(found)
    again = [row for row in rows if row.get("inputs")]
    faults = [f"{row['of']}: {fault}" for row in again for fault in _differences(row, records)]
    if faults:
        return Check("decisions", False, "; ".join(faults))
    if len(again) < len(rows) or not rows:
        without = f"{len(rows) - len(again)} of {len(rows)} were kept without their inputs"
        return Check("decisions", None, f"{without} and can't be made again")
    verdicts = ", ".join(f"{row['of']} {row['verdict']}" for row in again)
    return Check("decisions", True, f"made again from their inputs, with the same result: {verdicts}")


def _differences(row: Mapping[str, Any], records: Mapping[tuple[str, int], ConsentRecord]) -> Iterator[str]:
    inputs = inputs_from(row["inputs"], lambda consent_id, version: records[consent_id, version])
    decided = decide(
        inputs.evidence, inputs.use, inputs.records, inputs.talent, inputs.at, inputs.clients_of_domain
    )
    if decided.inputs_sha256 != row["inputs_sha256"]:
        yield "the inputs are not those of the recorded hash"
    for name, value in _told(decided).items():
        if value != _told_by(row)[name]:
            yield f"{name} is {value} when decided again, and {_told_by(row)[name]} in the record"


def _told(decided: Decision) -> dict[str, Any]:
    """What has to be the same. The sentences of the reasons may be worded otherwise by another version."""
    return {
        "verdict": str(decided.verdict),
        "qualifier": None if decided.qualifier is None else str(decided.qualifier),
        "severity": str(decided.severity),
        "row": decided.row,
        "talent": decided.talent_id,
        "reasons": [reason.code for reason in decided.reasons],
        "consents": [
            (one.consent_id, one.version, str(one.status), one.covers) for one in decided.considered
        ],
    }


def _told_by(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: row[name] for name in ("verdict", "qualifier", "severity", "row", "talent")}
    consents = [(one["consent_id"], one["version"], one["status"], one["covers"]) for one in row["consents"]]
    return {**kept, "reasons": [reason["code"] for reason in row["reasons"]], "consents": consents}


def _audit(found: Unpacked) -> Check:
    """Each event by its own hash, and each record by the hash that its event has of it."""
    rows = _read(found, "audit.json")
    events = [AuditEvent(**{**row, "at": datetime.fromisoformat(row["at"])}) for row in rows]
    faults = [
        f"event {event.number} is not what was written"
        for event in events
        if event.computed_hash() != event.hash
    ]
    vouched = {
        (event.subject, event.details["version"]): event.details["record_sha256"]
        for event in events
        if event.action.startswith("consent.") and "record_sha256" in event.details
    }
    for place, record in _records(found).items():
        if place not in vouched:
            faults.append(f"no event tells of consent {place[0]} version {place[1]}")
        elif _digest(record) != vouched[place]:
            faults.append(f"consent {place[0]} version {place[1]} is not the record that its event tells of")
    detail = (
        "; ".join(faults) or f"{len(events)} events by their hashes, {len(vouched)} of them vouch for records"
    )
    return Check("audit", not faults, detail)


def _digest(record: ConsentRecord) -> str:
    return hashlib.sha256(canonical(record.model_dump(mode="json")).encode()).hexdigest()


def _records(found: Unpacked) -> Mapping[tuple[str, int], ConsentRecord]:
    records = [ConsentRecord.model_validate(each) for each in _read(found, "consents.json")]
    return {(record.consent_id, record.version): record for record in records}


def _read(found: Unpacked, name: str) -> Any:
    return json.loads(found.members[name])
