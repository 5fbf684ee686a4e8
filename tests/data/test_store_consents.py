from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from data.store import Store, StoreConsentBook, Talent
from data.store.database import Database
from detector.errors import Conflict, InvalidRecord, NotFound, StoreError
from detector.ports import ConsentBook
from detector.record import ConsentRecord, parse_record, revised

NOW = datetime(2026, 3, 1, tzinfo=UTC)

Grant = Callable[..., ConsentRecord]


@pytest.fixture
def ada(store: Store) -> Talent:
    return store.talents.add("a", "Ada")


def granted(talent: Talent, consent_id: str = "con_1", **terms: Any) -> ConsentRecord:
    grantee = {"client": "Brand", "domains": ["brand.example", "BRAND.shop."]}
    stated = {
        "consent_id": consent_id,
        "kind": "photo_use",
        "grantor": {"role": "self"},
        "grantee": grantee,
        "pay": {"amount": "100.50", "currency": "EUR", "unit": "flat"},
        "duration": {"valid_from": "2026-01-01", "valid_to": "2026-12-31", "timezone": "Europe/Paris"},
        "form": {"signed_at": "2025-12-24T10:00:00+01:00"},
    }
    return parse_record({**stated, **terms}, talent_id=talent.id)


def test_a_record_comes_back_equal(store: Store, ada: Talent) -> None:
    record = granted(ada)
    assert store.consents.add(record) == record
    assert store.consents.get("con_1") == record
    assert store.consents.list(ada.id) == store.consents.list() == [record]


def test_versions_are_appended_and_none_is_lost(store: Store, ada: Talent) -> None:
    first = store.consents.add(granted(ada))
    second = store.consents.add(revised(first, grantee={"client": "Brand"}))
    assert store.consents.get("con_1") == second
    assert store.consents.get("con_1", 1) == first
    assert store.consents.list() == [first, second]


def test_a_version_out_of_turn_is_a_conflict(store: Store, ada: Talent) -> None:
    first = granted(ada)
    with pytest.raises(Conflict, match="the next version is 1"):
        store.consents.add(revised(first))
    store.consents.add(first)
    with pytest.raises(Conflict, match="the next version is 2"):
        store.consents.add(first)
    assert store.consents.list() == [first]


def test_a_version_cannot_move_to_another_talent_or_kind(store: Store, ada: Talent) -> None:
    bea = store.talents.add("b", "Bea")
    first = store.consents.add(granted(ada))
    for moved in (revised(first, talent_id=bea.id), revised(first, kind="training")):
        with pytest.raises(Conflict, match="photo_use record"):
            store.consents.add(moved)


def test_a_record_needs_a_talent_that_is_there(store: Store, ada: Talent) -> None:
    record = granted(ada)
    with pytest.raises(NotFound, match="'tal_x'"):
        store.consents.add(record.model_copy(update={"talent_id": "tal_x"}))
    store.talents.erase(ada.id)
    with pytest.raises(Conflict, match="erased"):
        store.consents.add(record)
    with pytest.raises(NotFound, match="con_1"):
        store.consents.get("con_1")


def test_a_revocation_is_a_version_of_its_own(store: Store, ada: Talent) -> None:
    first = store.consents.add(granted(ada))
    effective = datetime(2026, 6, 1, tzinfo=UTC)
    second = store.consents.revoke("con_1", effective_at=effective, reason="withdrawn", revoked_at=NOW)
    assert (second.version, second.supersedes) == (2, 1)
    assert (second.life.revoked_at, second.life.effective_at) == (NOW, effective)
    assert second.life.revocation_reason == "withdrawn"
    assert store.consents.list() == [first, second]
    with pytest.raises(Conflict, match="revoked already"):
        store.consents.revoke("con_1")
    with pytest.raises(NotFound, match="con_x"):
        store.consents.revoke("con_x")
    assert [event.action for event in store.audit.list(subject="con_1")] == [
        "consent.added",
        "consent.revoked",
    ]


def test_a_revocation_without_a_moment_is_now(store: Store, ada: Talent) -> None:
    store.consents.add(granted(ada))
    life = store.consents.revoke("con_1").life
    assert life.revoked_at == life.effective_at
    assert life.revoked_at is not None
    assert life.revoked_at.date() == NOW.date()


def test_a_faulty_revocation_changes_nothing(store: Store, ada: Talent) -> None:
    first = store.consents.add(granted(ada))
    with pytest.raises(InvalidRecord):
        store.consents.revoke("con_1", reason=" ")
    assert store.consents.list() == [first]


@pytest.mark.parametrize(
    ("domain", "clients"),
    [
        ("brand.example", ["Brand"]),
        ("Shop.Brand.Example:443", ["Brand"]),
        ("a.b.brand.shop", ["Brand", "Retailer"]),
        ("brand.shop.", ["Brand", "Retailer"]),
        ("notbrand.example", []),
        ("example", []),
        ("brand.example.evil.test", []),
        ("old.example", []),
        ("", []),
        ("xn--mnchen-3ya.example", ["Münchner"]),
        ("www.münchen.example", ["Münchner"]),
    ],
)
def test_clients_are_known_by_their_domains(
    store: Store, ada: Talent, domain: str, clients: list[str]
) -> None:
    store.consents.add(granted(ada))
    old = store.consents.add(
        granted(ada, "con_2", grantee={"client": "Retailer", "domains": ["old.example", "brand.shop"]})
    )
    store.consents.add(revised(old, grantee={"client": "Retailer", "domains": ["brand.shop"]}))
    store.consents.add(granted(ada, "con_3", grantee={"client": "Münchner", "domains": ["münchen.example"]}))
    assert store.clients_of_domain(domain) == clients


def test_the_book_tells_standing_and_every_version(store: Store, ada: Talent) -> None:
    book: ConsentBook = StoreConsentBook(store)
    bea = store.talents.add("b", "Bea", minor=True, wants_every_report=True)
    first = store.consents.add(granted(ada))
    second = store.consents.revoke("con_1")
    standing = book.standing([ada.id, bea.id, "tal_x"], NOW)
    assert set(standing) == {ada.id, bea.id}
    assert (standing[bea.id].minor, standing[bea.id].wants_every_report) == (True, True)
    assert book.records([ada.id, bea.id]) == {ada.id: [first, second], bea.id: []}
    assert book.clients_of_domain("brand.example") == ["Brand"]
    store.talents.erase(ada.id)
    assert book.standing([ada.id], datetime(2000, 1, 1, tzinfo=UTC))[ada.id].erased


def test_an_altered_record_is_an_error_that_names_it(store: Store, ada: Talent, store_url: str) -> None:
    store.consents.add(granted(ada))
    database = Database(store_url, lambda: NOW)
    with database.locked() as connection:
        connection.execute(text("UPDATE consent SET record = '{}'"))
    database.close()
    with pytest.raises(StoreError, match="con_1 version 1"):
        store.consents.get("con_1")
