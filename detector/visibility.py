"""What a client may read of a row: what was asked about its own use, and nothing of what others were granted. Pure.

A decision lists every consent record it looked at and why each did not cover the use, so that an agency's reviewer can
follow it, and its inputs name them all. Of a record that is another client's, its existence alone tells who works with
whom.
"""

from __future__ import annotations

from detector.access import Principal
from detector.finding import Row
from detector.reasons import meaning

_NAMES_OTHERS = frozenset({"client_outside", "client_ambiguous", "sublicence_unproven"})
"""Reasons whose details name the grantee of a record, who is not the client that the use is by."""

_NOT_ITS_OWN = _NAMES_OTHERS | {"other_kind", "other_limb", "other_talent", "superseded", "not_signed"}
"""Reasons of records that are another client's, or of which nobody asked whose they are."""

_PARTS = ("faces", "copies", "ingredients")


def row_for(caller: Principal, row: Row) -> Row:
    """The row as this caller may read it."""
    return row if caller.client is None else for_client(row)


def for_client(row: Row) -> Row:
    """The row without the records that may be other clients', and without their names in any reason."""
    parts = {name: [_with_own(part) for part in row[name]] for name in _PARTS if name in row}
    return {**row, **parts, "decision": _own(row["decision"]) if row["decision"] else None}


def _with_own(part: Row) -> Row:
    return {**part, "decision": _own(part["decision"])}


def _own(decision: Row) -> Row:
    shown = {name: value for name, value in decision.items() if name != "inputs"}
    return {
        **shown,
        "consents": [record for record in decision["consents"] if not _may_be_anothers(record)],
        "reasons": [_unnamed(reason) for reason in decision["reasons"]],
    }


def _may_be_anothers(record: Row) -> bool:
    return any(reason["code"] in _NOT_ITS_OWN for reason in record["why"])


def _unnamed(reason: Row) -> Row:
    code = reason["code"]
    return {**reason, "detail": meaning(code).detail} if code in _NAMES_OTHERS else reason
