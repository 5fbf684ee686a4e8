"""The consent record: what is refused, what is kept and void, what a moment makes of it."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.errors import InvalidRecord
from detector.moments import FIRST_YEAR, aware, said
from detector.record import (
    DEFECTS,
    WARNINGS,
    ConsentRecord,
    ConsentStatus,
    current,
    defects,
    parse_record,
    revised,
    revoked,
    status,
    warnings,
)
from detector.terms import fold, host_in, host_of

FULL: dict[str, Any] = {
    "kind": "replica_use",
    "consent_id": "C-1",
    "talent_id": "T",
    "subject": {"minor": False, "estate": False},
    "grantor": {"role": "self", "name": "Ada Example"},
    "grantee": {
        "client": "Acme",
        "affiliates": ["Acme Kids"],
        "sublicence": False,
        "processors": ["Render House"],
        "domains": ["Acme.example"],
    },
    "scope": {
        "assets": "any",
        "campaigns": ["spring"],
        "products": "any",
        "media": ["ecommerce", "print"],
        "alterations": ["background"],
        "exclusions": {"products": ["fur"], "media": ["tv"]},
    },
    "purpose": {"code": "campaign", "description": "pictures of the spring collection"},
    "pay": {"amount": "1200.50", "currency": "usd", "unit": "flat"},
    "duration": {"timezone": "Europe/Paris", "valid_from": "2026-03-01", "valid_to": "2026-12-31"},
    "territory": {"include": ["WORLD"], "exclude": ["us"]},
    "ai": {
        "generation": True,
        "training": False,
        "tools": ["Studio"],
        "label_required": True,
        "c2pa_required": True,
        "digital_source_types": ["trainedAlgorithmicMedia"],
    },
    "form": {
        "separate": True,
        "conspicuous": True,
        "document": "contract.pdf",
        "document_sha256": "A" * 64,
        "disclosure_sha256": "b" * 64,
        "signed_at": "2026-02-01",
        "method": "e-signature",
    },
    "life": {"offered_at": "2026-01-15"},
    "privacy": {"retention_until": "2030-01-01", "legal_hold": False},
}


PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def edited(path: str, value: Any) -> dict[str, Any]:
    """FULL with the value at one dotted path changed; `...` removes it."""
    document = json.loads(json.dumps(FULL))
    *groups, name = path.split(".")
    terms = document
    for group in groups:
        terms = terms.setdefault(group, {})
    terms.pop(name, None)
    if value is not ...:
        terms[name] = value
    return dict(document)


def record(path: str = "version", value: Any = 1) -> ConsentRecord:
    return parse_record(edited(path, value))


def at(text: str) -> dt.datetime:
    return aware(dt.datetime.fromisoformat(text))


def test_a_full_record_is_kept_as_written() -> None:
    kept = record()
    assert kept.pay is not None
    assert kept.pay.amount == Decimal("1200.50")
    assert kept.pay.currency == "USD"
    assert kept.grantee is not None
    assert kept.grantee.domains == ("acme.example",)
    assert kept.territory is not None
    assert kept.territory.exclude == ("US",)
    assert kept.form.document_sha256 == "a" * 64
    assert (defects(kept), warnings(kept)) == ((), ())


def test_dates_are_whole_days_in_the_time_zone_of_the_record() -> None:
    kept = record()
    assert kept.starts_at == at("2026-03-01T00:00+01:00")
    assert kept.ends_at == at("2026-12-31T23:59:59.999999+01:00")
    assert kept.form.signed_at == at("2026-02-01T00:00+01:00")
    assert kept.privacy.retention_until == at("2030-01-01T23:59:59.999999+01:00")


@pytest.mark.parametrize(
    "written",
    ["2026-03-01T09:30", dt.datetime(2026, 3, 1, 9, 30), "2026-03-01T08:30Z", "2026-03-01T03:30:00-05:00"],  # noqa: DTZ001 - TOML has such times
)
def test_a_time_without_zone_is_in_the_zone_of_the_record(written: object) -> None:
    assert parse_record(FULL | {"duration": FULL["duration"] | {"valid_from": written}}).starts_at == at(
        "2026-03-01T08:30"
    )


def test_dates_of_a_record_without_a_duration_are_utc() -> None:
    release = {"kind": "biometric_enrolment", "consent_id": "R", "grantor": {"role": "self"}}
    kept = parse_record({**release, "form": {"signed_at": dt.date(2026, 2, 1)}}, talent_id="T")
    assert kept.form.signed_at == at("2026-02-01T00:00")
    assert kept.starts_at == kept.form.signed_at


def test_a_zone_of_odd_seconds_is_kept_as_utc() -> None:
    """Paris was nine minutes and twenty-one seconds ahead until 1911; JSON carries no seconds of an offset."""
    kept = record("duration.valid_from", "1905-01-01")
    assert kept.starts_at == at("1904-12-31T23:50:39")
    assert ConsentRecord.model_validate(kept.model_dump(mode="json")) == kept


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("kind", "photo", "kind: is 'photo', which is none of 'photo_use'"),
        ("kind", ..., "kind: is missing"),
        ("consent_id", " ", "consent_id: needs at least 1 characters"),
        ("version", 0, "version: "),
        ("version", "2", "version: "),
        ("supersedes", 1, "supersedes: must be an earlier version than 1"),
        ("kindness", 1, "kindness: is no field of a consent record"),
        ("grantor", ..., "grantor: is missing"),
        ("grantor.role", "friend", "grantor.role: is 'friend', which is none of"),
        ("grantee", ..., "grantee: is missing: a replica_use consent is granted to a client"),
        ("grantee.client", ..., "grantee.client: is missing"),
        (
            "grantee.domains",
            ["https://acme.example/shop"],
            "grantee.domains.0: 'https://acme.example/shop' is no web domain",
        ),
        ("grantee.domains", ["com"], "grantee.domains.0: 'com' is no web domain"),
        ("scope.media", ["ecommerce", "billboard"], "scope.media: billboard: no such medium"),
        ("scope.media", "print", 'scope.media: must be a list of words, or "any"'),
        ("scope.assets", [], "scope.assets: must name at least one thing"),
        ("scope.assets", [""], "scope.assets: must name at least one thing"),
        ("scope.assets", [7], 'scope.assets: must be a list of words, or "any"'),
        ("scope.assets", ["Any", "look 7"], 'scope.assets: mixes "any" with other words'),
        ("purpose.description", "adverts", "purpose.description: needs at least 20 characters"),
        ("pay.amount", 0, "pay.amount: "),
        ("pay.amount", "NaN", "pay.amount: "),
        ("pay.amount", ..., "pay.amount: must be given, unless unpaid is true"),
        ("pay.unpaid", True, "pay.amount: must be given, unless unpaid is true (and then it must not)"),
        ("pay.unit", ..., "pay.unit: must say what the amount is paid per"),
        ("pay.currency", ..., "pay.currency: must be given with an amount"),
        ("pay.currency", "dollars", "pay.currency: is 'dollars'"),
        ("duration.timezone", ..., "duration.timezone: is missing"),
        ("duration.timezone", "Paris", "duration.timezone: 'Paris' is no IANA time zone"),
        ("duration.timezone", "America", "duration.timezone: 'America' is no IANA time zone"),
        ("duration.valid_to", "2026-02-28", "duration.valid_to: lies before valid_from"),
        ("duration.valid_from", 2026, "duration.valid_from: 2026 is no date"),
        ("duration.valid_from", "March", "duration.valid_from: "),
        ("duration.valid_from", f"{FIRST_YEAR - 1}-01-01", "duration.valid_from: the year 1899 is outside"),
        ("duration.renewal", "automatic", "duration.renewal: is 'automatic', which is none of"),
        ("territory.include", ["UK"], "territory.include: UK: no ISO 3166-1 alpha-2 code"),
        ("territory.include", [], "territory.include: must be WORLD alone, or a list"),
        ("territory.include", ["WORLD", "FR"], "territory.include: must be WORLD alone, or a list"),
        ("territory.exclude", ["WORLD"], "territory.exclude: WORLD: no ISO 3166-1 alpha-2 code"),
        ("form.separate", "yes", "form.separate: must be true or false"),
        ("form.document_sha256", "abc", "form.document_sha256: is 'abc'"),
        ("life.effective_at", "2026-05-01", "life.effective_at: is given, but revoked_at is not"),
        ("life.suspended_until", "2026-05-01", "life.suspended_until: is given, but suspended_at is not"),
        (
            "life",
            {"suspended_at": "2026-05-01", "suspended_until": "2026-04-01"},
            "life.suspended_until: lies before suspended_at",
        ),
    ],
)
def test_a_fault_is_a_sentence_with_its_path(path: str, value: Any, says: str) -> None:
    with pytest.raises(InvalidRecord) as refused:
        record(path, value)
    assert [fault for fault in refused.value.faults if fault.startswith(says)], refused.value.faults
    assert len(refused.value.faults) == 1
    assert refused.value.code == "invalid_consent_record"


def test_every_fault_is_listed_at_once() -> None:
    document = {
        "kind": "replica_use",
        "version": 1,
        "supersedes": 3,
        "grantee": {"client": ""},
        "scope": {"media": ["billboard"], "colour": "red"},
        "purpose": {"code": "x", "description": "short"},
        "pay": {"amount": 5},
        "duration": {"timezone": "Moon", "valid_from": "2026-02-01", "valid_to": "2026-01-01"},
        "territory": {"include": ["EU"]},
        "life": {"effective_at": "2026-01-01"},
    }
    with pytest.raises(InvalidRecord) as refused:
        parse_record(document, talent_id="T")
    assert [fault.partition(":")[0] for fault in refused.value.faults] == [
        "consent_id",
        "supersedes",
        "grantor",
        "grantee.client",
        "scope.media",
        "scope.colour",
        "purpose.description",
        "pay.unit",
        "pay.currency",
        "duration.timezone",
        "duration.valid_to",
        "territory.include",
        "life.effective_at",
    ]
    assert refused.value.detail.startswith("The consent record has 13 fault(s): consent_id: is missing; ")


def test_the_talent_it_is_added_for_must_be_the_one_it_names() -> None:
    assert parse_record(edited("talent_id", ...), talent_id="U", consent_id="C-1").talent_id == "U"
    with pytest.raises(InvalidRecord, match="talent_id: is 'T', but the record is being added for 'U'"):
        parse_record(FULL, talent_id="U")


def test_records_that_are_no_tables_are_faults_not_crashes() -> None:
    with pytest.raises(InvalidRecord) as refused:
        parse_record({"kind": 5, "duration": "a year", "form": [], "life": None, "scope": 1})
    assert {"duration", "form", "life", "scope"} <= {
        fault.partition(":")[0] for fault in refused.value.faults
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(sorted(FULL)), inner, max_size=3)
    ),
    max_leaves=4,
)


def parsed(document: dict[str, Any]) -> ConsentRecord | tuple[str, ...]:
    """The record, or its faults."""
    try:
        return parse_record(document)
    except InvalidRecord as refused:
        return refused.faults


@PATIENT
@given(st.dictionaries(st.sampled_from(sorted(FULL)), json_values, max_size=4))
def test_any_document_is_a_record_or_a_list_of_faults(changes: dict[str, Any]) -> None:
    found = parsed(FULL | changes)
    assert found
    if isinstance(found, ConsentRecord):
        assert ConsentRecord.model_validate(json.loads(found.model_dump_json())) == found


zones = st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"])


@PATIENT
@given(
    zones,
    st.dates(dt.date(1900, 1, 2), dt.date(2100, 1, 1)),
    st.integers(0, 4000),
    st.decimals(1, 10**6, places=2),
)
def test_json_round_trip_is_exact(zone: str, start: dt.date, days: int, amount: Decimal) -> None:
    term = {"timezone": zone, "valid_from": start, "valid_to": start + dt.timedelta(days=days)}
    kept = parse_record({**FULL, "duration": term, "pay": {**FULL["pay"], "amount": amount}})
    text = kept.model_dump_json()
    again = ConsentRecord.model_validate(json.loads(text))
    assert again == kept
    assert again.model_dump_json() == text
    assert parse_record(json.loads(text)) == kept


@pytest.mark.parametrize(
    ("path", "value", "moment", "expected"),
    [
        ("version", 1, "2026-01-10", ConsentStatus.DRAFT),
        ("version", 1, "2026-01-20", ConsentStatus.OFFERED),
        ("life", {}, "2026-01-20", ConsentStatus.DRAFT),
        ("duration", ..., "2026-02-02", ConsentStatus.SIGNED),
        ("version", 1, "2026-02-02", ConsentStatus.SCHEDULED),
        ("version", 1, "2026-02-28T22:59:59", ConsentStatus.SCHEDULED),
        ("version", 1, "2026-02-28T23:00:00", ConsentStatus.ACTIVE),
        ("version", 1, "2026-12-31T22:59:59.999999", ConsentStatus.ACTIVE),
        ("version", 1, "2026-12-31T23:00:00", ConsentStatus.EXPIRED),
        ("life.revoked_at", "2026-06-01T00:00Z", "2026-05-31T23:59", ConsentStatus.ACTIVE),
        ("life.revoked_at", "2026-06-01T00:00Z", "2026-06-01T00:00", ConsentStatus.REVOKED),
        ("life.revoked_at", "2026-06-01T00:00Z", "2027-06-01", ConsentStatus.REVOKED),
        ("life.suspended_at", "2026-06-01", "2026-06-02", ConsentStatus.SUSPENDED),
        ("life.suspended_at", "2026-06-01", "2027-06-02", ConsentStatus.EXPIRED),
    ],
)
def test_status_is_a_matter_of_the_moment(
    path: str, value: Any, moment: str, expected: ConsentStatus
) -> None:
    kept = record(path, value)
    assert status(kept, at(moment)) is expected
    assert status(kept, dt.datetime.fromisoformat(moment)) is expected
    assert status(kept, at(moment), superseded=True) is ConsentStatus.SUPERSEDED


def test_a_suspension_ends() -> None:
    kept = record("life", {"suspended_at": "2026-06-01", "suspended_until": "2026-06-10"})
    assert status(kept, at("2026-06-09")) is ConsentStatus.SUSPENDED
    assert status(kept, at("2026-06-10")) is ConsentStatus.ACTIVE


def test_revoking_makes_a_new_version_and_keeps_the_old() -> None:
    kept = record()
    gone = revoked(kept, at("2026-06-01"), effective_at=at("2026-07-01"), reason="moved on")
    assert (gone.version, gone.supersedes, gone.life.revocation_reason) == (2, 1, "moved on")
    assert status(gone, at("2026-06-15")) is ConsentStatus.ACTIVE
    assert status(gone, at("2026-07-01")) is ConsentStatus.REVOKED
    assert kept.life.revoked_at is None
    assert revoked(kept, at("2026-06-01")).life.effective_at == at("2026-06-01")
    assert current([gone, kept]) == [gone]


def test_a_version_without_its_predecessor_supersedes_the_one_before() -> None:
    assert record("version", 3).supersedes == 2
    assert record().supersedes is None


def test_a_revision_is_judged_like_any_record() -> None:
    with pytest.raises(InvalidRecord, match="grantee: is missing"):
        revised(record(), grantee=None)


def test_current_is_by_consent_and_tells_twins_apart() -> None:
    first, second, other = record(), record("version", 2), record("consent_id", "C-2")
    twin = record("pay.amount", "1")
    assert current([]) == []
    assert current([other, second, first, first]) == [second, other]
    assert len(current([first, twin])) == 2
    assert current([first, twin]) == current([twin, first])


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("duration.valid_to", "2036-03-01", "term_over_10_years"),
        ("duration.valid_to", ..., "open_ended"),
        ("purpose.code", "Any", "purpose_unspecific"),
        ("form.document_sha256", ..., "document_missing"),
        ("life", {"revoked_at": "2026-05-01", "effective_at": "2026-04-01"}, "retroactive_revocation"),
        ("grantor.role", "guardian", "guardian_for_adult"),
    ],
)
def test_warnings_count_and_are_named(path: str, value: Any, code: str) -> None:
    assert warnings(record(path, value)) == (code,)
    assert code in WARNINGS


def test_long_terms() -> None:
    assert warnings(record("duration.valid_to", "2036-02-28")) == ()
    minor = edited("duration.valid_to", "2031-03-01") | {
        "subject": {"minor": True},
        "grantor": {"role": "guardian"},
    }
    assert warnings(parse_record(minor)) == ("term_over_5_years_minor",)
    leap = edited("duration.valid_from", "2024-02-29")
    leap["duration"]["valid_to"] = "2034-02-28"
    assert warnings(parse_record(leap)) == ()


def test_a_release_without_retention_is_warned_of() -> None:
    release = {
        "kind": "biometric_enrolment",
        "consent_id": "R",
        "talent_id": "T",
        "grantor": {"role": "self"},
    }
    assert warnings(parse_record(release)) == ("retention_unstated",)
    kept = parse_record({**release, "privacy": {"retention_until": "2027-01-01"}})
    assert warnings(kept) == ()
    assert kept.ends_at == at("2027-01-01T23:59:59.999999")


def test_only_replica_kinds_need_the_statutory_terms() -> None:
    bare = {"consent_id": "C", "talent_id": "T", "grantor": {"role": "self"}, "grantee": {"client": "Acme"}}
    for kind in ("photo_use", "training"):
        assert defects(parse_record({"kind": kind, **bare})) == ()
    for kind in ("ai_edit", "replica_create", "replica_use"):
        assert defects(parse_record({"kind": kind, **bare})) == (
            "duration_missing",
            "not_conspicuous",
            "not_separate",
            "pay_missing",
            "purpose_missing",
            "scope_missing",
        )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"grantor": {"role": "agent", "authority": "poa.pdf"}}, ("agent_alone",)),
        ({"grantor": {"role": "agent", "authority": "poa.pdf", "countersigned": True}}, ()),
        ({"grantor": {"role": "agent", "countersigned": True}}, ("authority_missing",)),
        ({"grantor": {"role": "agent", "authority": "poa.pdf"}, "kind": "photo_use"}, ()),
        ({"subject": {"minor": True}}, ("guardian_missing",)),
        ({"subject": {"estate": True}}, ("estate_missing",)),
        ({"subject": {"estate": True}, "grantor": {"role": "estate"}}, ()),
        ({"pay": {"unpaid": True}, "kind": "photo_use"}, ("pay_unacknowledged",)),
        ({"pay": {"unpaid": True, "unpaid_acknowledged": True}}, ()),
        ({"pay": {"amount": 5, "unit": "royalty"}}, ()),
        ({"scope": {**FULL["scope"], "alterations": None}}, ("scope_incomplete",)),
    ],
)
def test_defects_by_who_signed_and_for_what(changes: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert defects(parse_record(FULL | changes)) == expected
    assert set(expected) <= set(DEFECTS)


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        record().version = 2  # type: ignore[misc]  # the point of the test


def test_a_record_counts_once_in_a_set() -> None:
    assert len({record(), record(), record("pay.amount", "1")}) == 2


def test_words_and_hosts_are_compared_folded() -> None:
    assert fold("  ACME\u00a0 Kids ") == fold("acme kids")
    assert host_of("WWW.Müller.example:443") == "www.xn--mller-kva.example"
    assert host_of("..") == ""
    assert host_in("https://user@Shop.example.:443/a/b.jpg") == "shop.example"
    assert host_in("shop.example/sale") == host_in("shop.example") == "shop.example"
    assert host_of("a" * 300 + ".example") == "a" * 300 + ".example"
    assert record("scope.assets", ["any"]).scope == record().scope
    assert record("scope.media", "any").scope is not None


def test_a_sentence_names_a_day_where_a_moment_begins_or_ends_one() -> None:
    day = dt.datetime(2026, 10, 25, tzinfo=dt.UTC)
    assert said(day) == said(dt.datetime.combine(day, dt.time.max, tzinfo=dt.UTC)) == "2026-10-25"
    assert said(day.replace(hour=9, minute=30)) == "2026-10-25 09:30 UTC"


def test_words_that_look_alike_are_alike() -> None:
    assert fold("North\u200bwind\u00ad") == fold(" north\u00adwind") == "northwind"
