"""The consent form: what is typed becomes the record, a record fills the form, faults come back to their fields."""

from __future__ import annotations

import datetime as dt
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from api.pages.views.consent_form import FIRST, Typed, document_of, faults_of, typed_of
from api.pages.views.terms import CARRIED, TERMS
from api.pages.views.vocabulary import KINDS, MEDIA, ROLES, UNITS, Entry
from detector.errors import InvalidRecord
from detector.record import ConsentRecord, parse_record
from detector.terms import ConsentKind, GrantorRole, PayUnit
from detector.use import Medium

BY_HAND = {
    "kind": ("replica_use",),
    "grantor.role": ("self",),
    "grantor.name": ("Ada Example",),
    "grantee.client": ("Northwind",),
    "grantee.affiliates": ("Northwind Kids\n\n  Northwind Home ",),
    "scope.media": ("ecommerce", "print"),
    "scope.assets.any": ("yes",),
    "scope.campaigns": ("spring-2026",),
    "scope.products.any": ("yes",),
    "scope.alterations": ("background\npose",),
    "scope.exclusions.products": ("fur",),
    "purpose.code": ("ecommerce",),
    "purpose.description": ("renditions of garments on product pages",),
    "pay.amount": ("40.00",),
    "pay.currency": ("eur",),
    "pay.unit": ("image",),
    "duration.timezone": ("Europe/Paris",),
    "duration.valid_from": ("2026-03-01",),
    "duration.valid_to": ("2026-08-31",),
    "territory.include": ("FR, de gb",),
    "ai.generation": ("yes",),
    "ai.training": ("no",),
    "form.signed_at": ("2026-02-20",),
    "form.signed_at.time": ("10:30",),
    "form.separate": ("yes",),
    "form.conspicuous": ("yes",),
}


def record_of(texts: dict[str, tuple[str, ...]], before: dict[str, Any] | None = None) -> ConsentRecord:
    return parse_record(document_of(Typed(texts), before), talent_id="tal_1", consent_id="con_1")


def test_what_a_person_types_is_the_record() -> None:
    record = record_of(BY_HAND)
    paris = dt.timezone(dt.timedelta(hours=1))
    assert record.kind is ConsentKind.REPLICA_USE
    assert record.grantee
    assert record.grantee.affiliates == ("Northwind Kids", "Northwind Home")
    assert record.scope
    assert record.scope.media == (Medium.ECOMMERCE, Medium.PRINT)
    assert (record.scope.assets, record.scope.alterations) == ("any", ("background", "pose"))
    assert record.scope.exclusions.products == ("fur",)
    assert record.territory
    assert record.territory.include == ("FR", "DE", "GB")
    assert (record.ai.generation, record.ai.training) == (True, False)
    assert record.form.signed_at == dt.datetime(2026, 2, 20, 10, 30, tzinfo=paris)
    assert record.duration
    assert record.duration.valid_to
    assert record.duration.valid_to.astimezone(dt.UTC).hour == 21


def test_an_empty_form_asks_for_the_kind_and_nothing_else_that_is_not_needed() -> None:
    with pytest.raises(InvalidRecord) as raised:
        record_of(dict(FIRST))
    assert set(faults_of(raised.value.faults).fields) == {"kind"}


def test_a_release_needs_a_signature_and_a_signer_only() -> None:
    record = record_of({**FIRST, "kind": ("biometric_enrolment",), "form.signed_at": ("2026-01-15",)})
    assert record.form.signed_at == dt.datetime(2026, 1, 15, tzinfo=dt.UTC)
    assert (record.grantee, record.scope, record.pay) == (None, None, None)


def test_what_was_typed_for_another_kind_is_not_put_on_record() -> None:
    record = record_of({**BY_HAND, "kind": ("photo_use",)})
    assert record.ai == type(record.ai)()


def test_any_beside_names_is_a_fault_of_that_field() -> None:
    with pytest.raises(InvalidRecord) as raised:
        record_of({**BY_HAND, "scope.media.any": ("yes",), "scope.products": ("shoes",)})
    assert set(faults_of(raised.value.faults).fields) == {"scope.media", "scope.products"}


def test_every_fault_comes_back_to_its_field_with_a_sentence() -> None:
    wrong = {
        "grantee.client": ("",),
        "grantee.domains": ("northwind.example\nnot a host",),
        "purpose.description": ("too short",),
        "pay.currency": ("",),
        "duration.timezone": ("Paris",),
        "duration.valid_to": ("2025-01-01",),
        "territory.include": ("UK",),
        "form.signed_at": ("yesterday",),
        "form.document_sha256": ("abc",),
    }
    with pytest.raises(InvalidRecord) as raised:
        record_of({**BY_HAND, **wrong})
    found = faults_of(raised.value.faults)
    assert set(found.fields) == set(wrong)
    assert found.others == ()
    assert found.fields["purpose.description"] == "Purpose in a sentence needs at least 20 characters."
    assert found.fields["grantee.client"].startswith("Client is missing")


def test_a_fault_of_no_field_is_told_all_the_same() -> None:
    found = faults_of(["talent_id: is missing", "grantor.role: is missing"])
    assert found.others == ("talent_id: is missing",)
    assert found.fields == {"grantor.role": "Signed by is missing."}
    assert len(found) == 2


def test_a_new_version_takes_over_what_has_no_field() -> None:
    before = {
        "privacy": {"legal_hold": True, "retention_until": "2030-01-01"},
        "life": {"revoked_at": "2026-05-01"},
        "ai": {"label_required": True},
    }
    photo = {**BY_HAND, "kind": ("photo_use",), "privacy.retention_until": ("2031-01-01",)}
    document = document_of(Typed(photo), before)
    assert document["privacy"] == {"legal_hold": True, "retention_until": "2031-01-01"}
    assert document["life"] == {"revoked_at": "2026-05-01"}
    assert document["ai"] == {"label_required": True}  # a photo licence shows no AI terms


def test_emptying_a_field_takes_the_term_out() -> None:
    before = {"grantor": {"role": "agent", "authority": "a power of attorney"}, "pay": {"amount": "3"}}
    document = document_of(Typed({"kind": ("photo_use",), "grantor.role": ("self",)}), before)
    assert document == {"kind": "photo_use", "grantor": {"role": "self"}}


def test_every_term_of_a_record_is_a_field_or_carried() -> None:
    apart = {"kind", "consent_id", "version", "supersedes", "talent_id"}
    assert set(_paths(ConsentRecord)) - apart == set(TERMS) | CARRIED


def test_every_choice_of_the_record_is_offered() -> None:
    assert set(KINDS) == set(ConsentKind)
    assert {value for value, _ in MEDIA} == set(Medium)
    assert {value for value, _ in ROLES} == set(GrantorRole)
    assert {value for value, _ in UNITS if value} == set(PayUnit)


def test_every_term_is_explained_in_one_sentence() -> None:
    for term in TERMS.values():
        assert term.explains.endswith("."), term.path
        assert term.explains.count(". ") == 0, term.path


def _paths(model: type[BaseModel], above: str = "") -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        inner = next(filter(_is_group, (field.annotation, *get_args(field.annotation))), None)
        found += _paths(inner, f"{above}{name}.") if inner else [f"{above}{name}"]
    return found


def _is_group(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


words = st.text("abcdeü ,-", min_size=1).map(str.strip).filter(lambda word: word not in ("", "any"))
lists = st.lists(words, min_size=1, max_size=3, unique=True)
listed = st.none() | st.just("any") | lists
EARLY, LATE = (dt.datetime.combine(dt.date(year, 1, 1), dt.time()) for year in (1950, 2100))
zones = st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Pacific/Auckland"])
moments = st.one_of(
    st.dates(dt.date(1950, 1, 1), dt.date(2100, 1, 1)).map(str),
    st.datetimes(EARLY, LATE).map(lambda one: one.isoformat()),
    st.datetimes(EARLY, LATE).map(lambda one: f"{one.isoformat()}+05:30"),
)
flags = st.booleans()
ROLE_NAMES, UNIT_NAMES, KIND_NAMES = (
    [str(each) for each in names] for names in (GrantorRole, PayUnit, ConsentKind)
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Sound documents of every kind, with as little or as much in them as there can be."""
    scope = {name: draw(listed) for name in ("assets", "campaigns", "products", "alterations")}
    scope["media"] = draw(
        st.none() | st.just("any") | st.lists(st.sampled_from(list(Medium)), min_size=1, unique=True)
    )
    pay = {"amount": "12.50", "unit": draw(st.sampled_from(UNIT_NAMES)), "currency": "EUR"}
    document: dict[str, Any] = {
        "kind": draw(st.sampled_from(KIND_NAMES)),
        "subject": {"minor": draw(flags), "estate": draw(flags)},
        "grantor": {
            "role": draw(st.sampled_from(ROLE_NAMES)),
            "name": draw(words),
            "countersigned": draw(flags),
        },
        "grantee": {
            "client": draw(words),
            "sublicence": draw(flags),
            "affiliates": draw(lists),
            "domains": ["a.example"],
        },
        "scope": {name: value for name, value in scope.items() if value is not None}
        | {"exclusions": {"products": ["fur"]}},
        "purpose": {"code": draw(words | st.just("any")), "description": "a description that is long enough"},
        "pay": draw(st.sampled_from([pay, {"unpaid": True, "unpaid_acknowledged": True}, {"unpaid": True}])),
        "duration": {"timezone": draw(zones), "renewal": draw(st.sampled_from(["none", "affirmative"]))},
        "territory": draw(
            st.sampled_from([{"include": ["WORLD"], "exclude": ["US"]}, {"include": ["FR", "DE"]}])
        ),
        "ai": {
            "generation": draw(st.none() | flags),
            "training": draw(st.none() | flags),
            "tools": draw(lists),
        },
        "form": {"separate": draw(flags), "document_sha256": "ab" * 32, "signed_at": draw(moments)},
        "life": {"offered_at": draw(moments), "suspended_at": draw(moments)},
        "privacy": {"retention_until": draw(moments), "legal_hold": draw(flags)},
    }
    document["duration"] |= {draw(st.sampled_from(["valid_from", "valid_to"])): draw(moments)}
    optional = [name for name in document if name not in ("kind", "grantor", "grantee")]
    for name in draw(st.sets(st.sampled_from(optional))):
        del document[name]
    return document


@settings(deadline=None, max_examples=150)
@given(documents())
def test_saving_a_record_unchanged_changes_nothing(document: dict[str, Any]) -> None:
    record = parse_record(document, talent_id="tal_1", consent_id="con_1")
    written = document_of(typed_of(record), record.model_dump(mode="json"))
    assert parse_record(written) == record


@settings(deadline=None, max_examples=100)
@given(
    st.dictionaries(
        st.sampled_from(["kind", *TERMS, "form.signed_at.time", "scope.media.any"]), st.tuples(st.text())
    )
)
def test_whatever_is_typed_is_a_record_or_faults(texts: dict[str, tuple[str, ...]]) -> None:
    faults = faults_of(())
    try:
        record_of(texts)
    except InvalidRecord as error:
        faults = faults_of(error.faults)
    sound = texts.get("kind", ("",))[0] in set(ConsentKind) and texts.get("grantor.role", ("",))[0] in set(
        GrantorRole
    )
    assert sound or len(faults) > 0


def test_entries_are_all_used() -> None:
    assert {term.entry for term in TERMS.values()} == set(Entry)
