"""A consent record as a W3C ODRL 2.2 policy in JSON-LD, for systems that manage rights. Pure.

    record ─▶ Agreement: assigner, assignee, target, permission with constraints and duties, prohibitions

ODRL's own terms where it has them; what only a consent record knows is in the profile `urn:lookalike:odrl:1`, with the
prefix `lk`. A record that counts as no consent (draft, revoked, defective …) becomes a policy without permissions: who
reads the export alone must not find a grant in it. The record itself stays the truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from detector.record import USE_KINDS, ConsentRecord, ConsentStatus, defects, status
from detector.terms import ANY, ConsentKind, Exclusions, Pay, PayUnit, Scope
from detector.territory import WORLD

Json = dict[str, Any]

CONTEXT = ("http://www.w3.org/ns/odrl.jsonld", {"lk": "urn:lookalike:odrl:1:"})
PROFILE = "urn:lookalike:odrl:1"

ACTIONS = {
    ConsentKind.PHOTO_USE: "display",
    ConsentKind.AI_EDIT: "derive",
    ConsentKind.REPLICA_CREATE: "lk:createReplica",
    ConsentKind.REPLICA_USE: "lk:useReplica",
    ConsentKind.TRAINING: "lk:train",
    ConsentKind.BIOMETRIC_ENROLMENT: "lk:enrolBiometric",
}
IN_FORCE = frozenset({ConsentStatus.ACTIVE, ConsentStatus.SCHEDULED})
"""A term that begins later is a constraint of the permission."""

_OPERANDS = {
    "assets": "lk:asset",
    "campaigns": "lk:campaign",
    "products": "product",
    "media": "media",
    "alterations": "lk:alteration",
}
"""Of each list of the scope, and of its exclusions."""


def odrl(record: ConsentRecord, at: datetime, *, superseded: bool = False) -> Json:
    """The policy as of `at`. `superseded`: a newer version is on record."""
    standing = status(record, at, superseded)
    grants = standing in IN_FORCE and not defects(record)
    policy: Json = {
        "@context": list(CONTEXT),
        "@type": "Agreement",
        "uid": f"urn:lookalike:consent:{record.consent_id}:{record.version}",
        "profile": PROFILE,
        "lk:status": str(standing),
        "lk:defect": list(defects(record)),
        "assigner": {"uid": f"urn:lookalike:talent:{record.talent_id}", "lk:role": str(record.grantor.role)},
        "assignee": _assignee(record),
        "target": f"urn:lookalike:likeness:{record.talent_id}",
        "permission": [_permission(record)] if grants else [],
        "prohibition": list(_prohibitions(record)),
    }
    return {name: value for name, value in policy.items() if value not in ([], None)}


def _assignee(record: ConsentRecord) -> Json | None:
    if record.grantee is None:
        return None
    named = record.grantee.model_dump(mode="json", exclude={"client"}, exclude_defaults=True)
    return {"lk:client": record.grantee.client, **{f"lk:{name}": value for name, value in named.items()}}


def _permission(record: ConsentRecord) -> Json:
    duties = list(_duties(record))
    constraints = [
        *_dates(record),
        *_places(record),
        *_purpose(record),
        *_scope(record),
        *_tools(record),
    ]
    permission: Json = {"action": ACTIONS[record.kind], "constraint": constraints, "duty": duties}
    return {name: value for name, value in permission.items() if value != []}


def _constraint(operand: str, operator: str, value: object) -> Json:
    return {"leftOperand": operand, "operator": operator, "rightOperand": value}


def _dates(record: ConsentRecord) -> Iterator[Json]:
    for moment, operator in ((record.starts_at, "gteq"), (record.ends_at, "lteq")):
        if moment is not None:
            value = {"@value": moment.isoformat(), "@type": "xsd:dateTime"}
            yield _constraint("dateTime", operator, value)


def _places(record: ConsentRecord) -> Iterator[Json]:
    territory = record.territory
    if territory is None:
        if record.kind in USE_KINDS:
            yield _constraint("spatial", "isAnyOf", [])
        return
    if WORLD not in territory.include:
        yield _constraint("spatial", "isAnyOf", list(territory.include))
    if territory.exclude:
        yield _constraint("spatial", "isNoneOf", list(territory.exclude))


def _purpose(record: ConsentRecord) -> Iterator[Json]:
    if record.purpose is not None and record.purpose.code.casefold() != ANY:
        yield {
            **_constraint("purpose", "eq", record.purpose.code),
            "lk:description": record.purpose.description,
        }


def _scope(record: ConsentRecord) -> Iterator[Json]:
    """A field that says any sets no constraint. One that says nothing grants nothing, where there is a use to grant."""
    scope = record.scope if record.scope is not None or record.kind not in USE_KINDS else Scope()
    if scope is None:
        return
    for name, operand in _OPERANDS.items():
        listed = getattr(scope, name)
        if listed != ANY:
            yield _constraint(operand, "isAnyOf", [str(each) for each in listed or ()])


def _tools(record: ConsentRecord) -> Iterator[Json]:
    if record.ai.tools:
        yield _constraint("lk:tool", "isAnyOf", list(record.ai.tools))
    if record.ai.digital_source_types:
        yield _constraint("lk:digitalSourceType", "isAnyOf", list(record.ai.digital_source_types))


def _duties(record: ConsentRecord) -> Iterator[Json]:
    if record.pay is not None and record.pay.amount is not None:
        yield {"action": [{"rdf:value": {"@id": "odrl:compensate"}, "refinement": [_payment(record.pay)]}]}
    if record.ai.label_required:
        yield {"action": "lk:labelAsAi"}
    if record.ai.c2pa_required:
        yield {"action": "lk:attachC2pa"}


def _payment(pay: Pay) -> Json:
    operand = "percentage" if pay.unit is PayUnit.ROYALTY else "payAmount"
    unit = {} if pay.currency is None else {"unit": f"urn:iso:std:iso:4217:{pay.currency}"}
    value = {"@value": str(pay.amount), "@type": "xsd:decimal"}
    return {**_constraint(operand, "eq", value), **unit, "lk:per": str(pay.unit)}


def _prohibitions(record: ConsentRecord) -> Iterator[Json]:
    if record.ai.generation is False:
        yield {"action": "lk:createReplica"}
    if record.ai.training is False:
        yield {"action": "lk:train"}
    excluded = record.scope.exclusions if record.scope is not None else Exclusions()
    for name, operand in _OPERANDS.items():
        values: Sequence[str] = getattr(excluded, name)
        if values:
            constraint = _constraint(operand, "isAnyOf", [str(each) for each in values])
            yield {"action": ACTIONS[record.kind], "constraint": [constraint]}
