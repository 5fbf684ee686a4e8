"""What other systems read of a consent record grants nothing that the record itself does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from detector.odrl import ACTIONS, odrl
from detector.record import ConsentRecord, parse_record, revised, revoked
from detector.terms import ConsentKind
from detector.training_mining import training_mining

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DOCUMENT: dict[str, Any] = {
    "kind": "replica_use",
    "consent_id": "con_1",
    "talent_id": "tal_1",
    "grantor": {"role": "self"},
    "grantee": {"client": "Acme", "domains": ["acme.example"], "affiliates": ["Acme Kids"]},
    "scope": {
        "assets": "any",
        "campaigns": ["spring"],
        "products": "any",
        "media": ["ecommerce", "print"],
        "alterations": "any",
        "exclusions": {"products": ["fur"]},
    },
    "purpose": {"code": "catalogue", "description": "Pictures of the spring catalogue in the shop."},
    "pay": {"amount": "1200", "currency": "USD", "unit": "image"},
    "duration": {"timezone": "UTC", "valid_from": "2026-01-01", "valid_to": "2026-12-31"},
    "territory": {"include": ["US", "CA"]},
    "ai": {"generation": True, "training": False, "tools": ["Maker 2"], "label_required": True},
    "form": {"separate": True, "conspicuous": True, "signed_at": "2025-12-01"},
}


def record(**changes: Any) -> ConsentRecord:
    return parse_record({**DOCUMENT, **changes})


def constraints(policy: dict[str, Any]) -> dict[tuple[str, str], Any]:
    (permission,) = policy["permission"]
    return {(one["leftOperand"], one["operator"]): one["rightOperand"] for one in permission["constraint"]}


def test_a_record_in_force_is_an_agreement_with_every_term() -> None:
    policy = odrl(record(), NOW)
    assert policy["@type"] == "Agreement"
    assert policy["@context"][0] == "http://www.w3.org/ns/odrl.jsonld"
    assert policy["uid"] == "urn:lookalike:consent:con_1:1"
    assert policy["assignee"]["lk:client"] == "Acme"
    (permission,) = policy["permission"]
    assert permission["action"] == "lk:useReplica"
    assert constraints(policy) == {
        ("dateTime", "gteq"): {"@value": "2026-01-01T00:00:00+00:00", "@type": "xsd:dateTime"},
        ("dateTime", "lteq"): {"@value": "2026-12-31T23:59:59.999999+00:00", "@type": "xsd:dateTime"},
        ("spatial", "isAnyOf"): ["US", "CA"],
        ("purpose", "eq"): "catalogue",
        ("lk:campaign", "isAnyOf"): ["spring"],
        ("media", "isAnyOf"): ["ecommerce", "print"],
        ("lk:tool", "isAnyOf"): ["Maker 2"],
    }
    paid = permission["duty"][0]["action"][0]["refinement"][0]
    assert (paid["leftOperand"], paid["rightOperand"]["@value"], paid["lk:per"]) == (
        "payAmount",
        "1200",
        "image",
    )
    assert permission["duty"][1] == {"action": "lk:labelAsAi"}
    assert [rule["action"] for rule in policy["prohibition"]] == ["lk:train", "lk:useReplica"]


@pytest.mark.parametrize(
    "void",
    [
        record(pay=None),
        record(form={"separate": True, "conspicuous": True}),
        record(form={"separate": False, "conspicuous": True, "signed_at": "2025-12-01"}),
        record(duration={"timezone": "UTC", "valid_from": "2025-12-02", "valid_to": "2026-05-01"}),
        record(life={"suspended_at": "2026-05-01"}),
        revoked(record(), datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_what_counts_as_no_consent_grants_nothing_anywhere(void: ConsentRecord) -> None:
    assert "permission" not in odrl(void, NOW)
    entries = training_mining(void, NOW)["data"]["entries"]
    assert {entry["use"] for entry in entries.values()} == {"notAllowed"}


def test_a_version_that_was_superseded_grants_nothing() -> None:
    assert odrl(record(), NOW, superseded=True)["lk:status"] == "superseded"
    assert "permission" not in odrl(record(), NOW, superseded=True)
    assert "permission" in odrl(revised(record()), NOW)


def test_what_is_not_stated_is_not_granted() -> None:
    photo = record(kind="photo_use", scope=None, territory=None)
    told = constraints(odrl(photo, NOW))
    assert told["media", "isAnyOf"] == told["spatial", "isAnyOf"] == told["lk:campaign", "isAnyOf"] == []
    world = record(territory={"include": ["WORLD"], "exclude": ["FR"]})
    assert constraints(odrl(world, NOW))["spatial", "isNoneOf"] == ["FR"]
    assert ("spatial", "isAnyOf") not in constraints(odrl(world, NOW))


@pytest.mark.parametrize("kind", ConsentKind)
def test_every_kind_has_an_action(kind: ConsentKind) -> None:
    (permission,) = odrl(record(kind=str(kind)), NOW)["permission"]
    assert permission["action"] == ACTIONS[kind]


def test_the_assertion_allows_nobody_without_conditions() -> None:
    entries = training_mining(record(), NOW)["data"]["entries"]
    assert entries["cawg.ai_training"] == entries["cawg.ai_generative_training"] == {"use": "notAllowed"}
    inference = entries["cawg.ai_inference"]
    assert inference["use"] == "constrained"
    for told in ("con_1", "Acme", "2026-12-31", "Maker 2"):
        assert told in inference["constraint_info"]


def test_a_training_consent_allows_training_under_its_terms_and_no_other_kind_by_silence() -> None:
    def uses(**changes: Any) -> dict[str, str]:
        made = training_mining(record(**changes), NOW)
        assert made["label"] == "cawg.training-mining"
        return {name: entry["use"] for name, entry in made["data"]["entries"].items()}

    silent = {"cawg.ai_training": "notAllowed", "cawg.ai_generative_training": "notAllowed"}
    assert uses(ai={}) == silent
    assert set(uses(kind="training", ai={}).values()) == {"constrained"}
    assert uses(kind="training", ai={"training": False}) == silent
    assert "cawg.data_mining" not in uses()
