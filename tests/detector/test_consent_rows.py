"""The decision table of docs/consent.md, row by row, and how its rows meet."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from detector.case import Case, Limb
from detector.consent import decide, holds_biometric, is_flag, worst
from detector.coverage import assess
from detector.decision import Decision, Evidence, Severity, TalentStanding, Verdict
from detector.matches import CopyClass, Doubt
from detector.record import ConsentRecord, defects, parse_record, revised, revoked
from detector.use import Medium, SyntheticClass, Use


def day(month: int, of: int = 1, year: int = 2026) -> dt.datetime:
    return dt.datetime(year, month, of, 12, tzinfo=dt.UTC)


NOW = day(6)
TALENT = TalentStanding("T")
USE = Use(
    client="Acme",
    purpose="campaign",
    medium=Medium.ECOMMERCE,
    territory="US",
    published_at=day(5),
    made_at=day(4),
    campaign="spring",
    product="coats",
    alterations=("background",),
    tool="Studio",
    labelled_ai=True,
    has_c2pa=True,
)
FACE = Evidence(usable=True, matched=True)
PHOTO = replace(FACE, synthetic=SyntheticClass.CAPTURED)
COPY = replace(FACE, copy_class=CopyClass.REENCODED, reference_id="ref-1")
ALTERED = replace(COPY, copy_class=CopyClass.ALTERED)
REPLICA = replace(FACE, synthetic=SyntheticClass.AI_GENERATED)
EDIT = replace(FACE, synthetic=SyntheticClass.AI_EDITED)

TERMS: dict[str, Any] = {
    "grantor": {"role": "self"},
    "grantee": {"client": "Acme", "affiliates": ["Acme Kids"], "domains": ["acme.example"]},
    "scope": {
        "assets": "any",
        "campaigns": ["spring"],
        "products": "any",
        "media": ["ecommerce", "print"],
        "alterations": ["background", "colour"],
    },
    "purpose": {"code": "campaign", "description": "pictures of the spring collection on the shop"},
    "pay": {"amount": "500.00", "currency": "USD", "unit": "image"},
    "duration": {"timezone": "UTC", "valid_from": "2026-03-01", "valid_to": "2026-12-31"},
    "territory": {"include": ["US", "CA"]},
    "form": {"separate": True, "conspicuous": True, "signed_at": "2026-02-01"},
}


def record(kind: str, consent_id: str | None = None, **changes: Any) -> ConsentRecord:
    """A record inside whose terms USE lies, with some groups changed (dicts are merged, the rest replaced)."""
    document = {"kind": kind, "consent_id": consent_id or kind, "talent_id": "T", **TERMS}
    for group, change in changes.items():
        before = document.get(group)
        merge = isinstance(before, dict) and isinstance(change, dict)
        document[group] = {**before, **change} if merge else change
    return parse_record({name: terms for name, terms in document.items() if terms is not None})


BIOMETRIC = parse_record(
    {
        "kind": "biometric_enrolment",
        "consent_id": "release",
        "talent_id": "T",
        "grantor": {"role": "self"},
        "form": {"signed_at": "2026-01-01", "document": "release.pdf"},
        "privacy": {"retention_until": "2028-12-31"},
    }
)


GUARDIANS_RELEASE = revised(BIOMETRIC, subject={"minor": True}, grantor={"role": "guardian"})


def judged(
    evidence: Evidence,
    *records: ConsentRecord,
    use: Use = USE,
    talent: TalentStanding | None = TALENT,
    at: dt.datetime = NOW,
    owners: tuple[str, ...] = (),
) -> Decision:
    guarded = talent is not None and talent.minor
    return decide(evidence, use, (GUARDIANS_RELEASE if guarded else BIOMETRIC, *records), talent, at, owners)


def outcome(decision: Decision) -> tuple[str, str | None, str, int]:
    return (decision.verdict, decision.qualifier, decision.severity, decision.row)


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def test_row_01_neither_face_nor_copy() -> None:
    found = judged(Evidence(usable=False, matched=False), talent=None)
    assert outcome(found) == ("not_applicable", None, "none", 1)
    assert codes(found) == ["no_usable_face"]


def test_row_02_a_face_of_nobody_registered() -> None:
    found = judged(Evidence(usable=True, matched=False), talent=None)
    assert outcome(found) == ("no_match", None, "none", 2)


@pytest.mark.parametrize("doubt", list(Doubt))
def test_row_03_a_match_in_doubt(doubt: Doubt) -> None:
    found = judged(replace(COPY, doubts=(doubt, Doubt.WEAK)), record("photo_use"))
    assert outcome(found) == ("needs_review", str(doubt), "low", 3)
    assert codes(found) == [doubt, Doubt.WEAK]


@pytest.mark.parametrize("doubts", [(), (Doubt.WEAK,)])
def test_row_04_an_erased_talent_is_never_reported_not_even_as_a_doubt(doubts: tuple[Doubt, ...]) -> None:
    found = judged(replace(REPLICA, doubts=doubts), talent=replace(TALENT, erased=True))
    assert outcome(found) == ("no_match", None, "none", 4)
    assert found.considered == ()
    assert not is_flag(found)


@pytest.mark.parametrize("doubts", [(), (Doubt.WEAK,)])
def test_row_04_no_biometric_consent(doubts: tuple[Doubt, ...]) -> None:
    found = decide(replace(REPLICA, doubts=doubts), USE, [record("replica_use")], TALENT, NOW)
    assert outcome(found) == ("no_match", None, "none", 4)
    assert codes(found) == ["no_biometric_consent"]


def test_row_04_a_match_whose_talent_nobody_knows() -> None:
    assert codes(judged(REPLICA, talent=None)) == ["talent_unknown"]


def test_row_04_the_biometric_consent_of_another_talent_does_not_serve() -> None:
    other = revised(BIOMETRIC, talent_id="U")
    assert decide(REPLICA, USE, [other], TALENT, NOW).row == 4


def test_row_05_a_minor_without_a_guardian() -> None:
    found = judged(COPY, record("photo_use"), talent=replace(TALENT, minor=True))
    assert outcome(found) == ("no_consent", None, "critical", 5)
    assert codes(found) == ["guardian_missing"]


def test_row_05_a_guardian_signed_so_the_terms_decide() -> None:
    signed = record("photo_use", subject={"minor": True}, grantor={"role": "guardian"})
    minor = replace(TALENT, minor=True)
    assert judged(COPY, signed, talent=minor).verdict is Verdict.AUTHORISED
    found = judged(
        COPY, record("photo_use"), record("photo_use", "g", grantor={"role": "guardian"}), talent=minor
    )
    covering = [one.consent_id for one in found.considered if one.covers]
    assert covering == ["g"]


UNKNOWN_CLIENT = replace(USE, client=None)


def test_row_06_unknown_client_and_no_domain() -> None:
    found = judged(COPY, record("photo_use"), use=UNKNOWN_CLIENT)
    assert outcome(found) == ("needs_review", "client_unknown", "medium", 6)
    assert [one.consent_id for one in found.considered] == ["photo_use", "release"]


def test_row_06_a_domain_that_fits_nothing_on_record() -> None:
    found = judged(COPY, record("photo_use"), use=replace(UNKNOWN_CLIENT, domain="elsewhere.example"))
    assert outcome(found) == ("needs_review", "client_unknown", "medium", 6)


def test_row_06_a_talent_who_wants_every_report() -> None:
    found = judged(COPY, use=UNKNOWN_CLIENT, talent=replace(TALENT, wants_every_report=True))
    assert outcome(found) == ("no_consent", "client_unknown", "medium", 6)


@pytest.mark.parametrize(
    "domain", ["acme.example", "www.ACME.example", "shop.acme.example:443", "acme.example."]
)
def test_row_06_a_domain_on_record_tells_the_client(domain: str) -> None:
    found = judged(COPY, record("photo_use"), use=replace(UNKNOWN_CLIENT, domain=domain))
    assert outcome(found) == ("authorised", "routine_edit", "none", 7)
    assert codes(found) == ["client_from_domain", "covered"]


@pytest.mark.parametrize("domain", ["notacme.example", "acme.example.evil.test", "example"])
def test_row_06_a_domain_that_only_looks_alike(domain: str) -> None:
    assert judged(COPY, record("photo_use"), use=replace(UNKNOWN_CLIENT, domain=domain)).row == 6


def test_row_06_the_book_knows_whose_domain_it_is() -> None:
    use = replace(UNKNOWN_CLIENT, domain="shop.test")
    assert judged(COPY, record("photo_use"), use=use, owners=("ACME kids",)).verdict is Verdict.AUTHORISED
    found = judged(COPY, record("photo_use"), use=use, owners=("Rival",))
    assert outcome(found) == ("out_of_scope", None, "medium", 8)
    assert codes(found) == ["client_from_domain", "client_outside"]


def test_row_06_owners_without_a_domain_prove_nothing() -> None:
    assert judged(COPY, record("photo_use"), use=UNKNOWN_CLIENT, owners=("Acme",)).row == 6


ROUTINE = [kind for kind in CopyClass if kind is not CopyClass.ALTERED]


@pytest.mark.parametrize("copy_class", ROUTINE)
def test_row_07_a_routine_copy_inside_its_licence(copy_class: CopyClass) -> None:
    found = judged(replace(COPY, copy_class=copy_class), record("photo_use"))
    assert outcome(found) == ("authorised", "routine_edit", "none", 7)
    assert not is_flag(found)


def test_row_07_the_asset_by_its_reference_or_by_its_name() -> None:
    by_reference = record("photo_use", scope={"assets": ["REF-1"]})
    assert judged(COPY, by_reference).row == 7
    by_name = record("photo_use", scope={"assets": ["look 7"]})
    assert judged(COPY, by_name, use=replace(USE, asset="Look 7")).row == 7
    assert codes(judged(COPY, by_name, use=replace(USE, asset="look 8"))) == ["asset_outside"]
    assert "asset_unknown" in codes(judged(COPY, by_name))


def test_row_07_an_excluded_asset_is_excluded_under_any_name() -> None:
    barred = record("photo_use", scope={"exclusions": {"assets": ["ref-1"]}})
    assert codes(judged(COPY, barred, use=replace(USE, asset="look 7"))) == ["asset_outside"]
    other = record("photo_use", scope={"exclusions": {"assets": ["ref-2"]}})
    assert "asset_unknown" in codes(judged(COPY, other))
    assert judged(COPY, other, use=replace(USE, asset="look 7")).row == 7


def test_row_07_the_nearest_reference_of_a_face_is_no_asset() -> None:
    listed = record("photo_use", scope={"assets": ["ref-1"]})
    assert "asset_unknown" in codes(judged(replace(PHOTO, reference_id="ref-1"), listed))


@pytest.mark.parametrize(
    ("change", "verdict", "code"),
    [
        ({"published_at": day(2)}, "not_yet_valid", "before_term"),
        ({"published_at": day(1, year=2027)}, "expired", "after_term"),
        ({"seen_at": day(1, year=2027)}, "expired", "after_term"),
        ({"client": "Rival"}, "out_of_scope", "client_outside"),
        ({"medium": Medium.TV}, "out_of_scope", "medium_outside"),
        ({"territory": "FR"}, "out_of_scope", "territory_outside"),
        ({"territory": "WORLD"}, "out_of_scope", "territory_outside"),
        ({"purpose": "politics"}, "out_of_scope", "purpose_outside"),
        ({"campaign": "autumn"}, "out_of_scope", "campaign_outside"),
        ({"alterations": ("body",)}, "out_of_scope", "alteration_outside"),
    ],
)
def test_row_08_a_copy_outside_one_term(change: dict[str, Any], verdict: str, code: str) -> None:
    found = judged(COPY, record("photo_use"), use=replace(USE, **change), at=day(2, year=2027))
    assert (found.verdict, found.severity, found.row) == (verdict, "medium", 8)
    assert code in codes(found)


def test_row_08_a_photograph_published_before_anybody_signed() -> None:
    late = record("photo_use", form={"signed_at": "2026-05-20"})
    assert outcome(judged(COPY, late)) == ("no_consent", "not_prior", "high", 14)


@pytest.mark.parametrize("evidence", [COPY, replace(COPY, synthetic=SyntheticClass.CAPTURED)])
def test_row_09_a_copy_declared_ai_edited_is_a_replica(evidence: Evidence) -> None:
    declared = replace(USE, declared_ai=True)
    found = judged(evidence, record("photo_use"), use=declared)
    assert outcome(found) == ("no_consent", "photo_licence_only", "high", 11)
    assert codes(found)[0] == "as_replica"
    assert judged(evidence, record("ai_edit"), use=declared).row == 18


@pytest.mark.parametrize(
    "evidence", [ALTERED, REPLICA, EDIT, replace(ALTERED, synthetic=SyntheticClass.CAPTURED)]
)
def test_row_09_a_changed_or_synthetic_picture_is_a_replica(evidence: Evidence) -> None:
    found = judged(evidence, record("photo_use"))
    assert outcome(found) == ("no_consent", "photo_licence_only", "high", 11)


def test_row_10_revoked_before_it_was_published() -> None:
    gone = revoked(record("replica_use"), day(4, 20), reason="changed my mind")
    assert outcome(judged(REPLICA, record("replica_use"), gone)) == ("revoked", None, "high", 10)


def test_row_10_revoked_and_still_online() -> None:
    gone = revoked(record("replica_use"), day(5, 10))
    found = judged(REPLICA, gone, use=replace(USE, seen_at=day(5, 20)))
    assert outcome(found) == ("revoked", None, "high", 10)


def test_row_10_a_notice_period_still_covers() -> None:
    going = revoked(record("replica_use"), day(5, 10), effective_at=day(7))
    assert judged(REPLICA, going).verdict is Verdict.AUTHORISED
    assert judged(REPLICA, going, use=replace(USE, published_at=day(7, 2))).verdict is Verdict.REVOKED


def test_row_10_a_revoked_photograph_is_revoked_too() -> None:
    assert outcome(judged(COPY, revoked(record("photo_use"), day(4)))) == ("revoked", None, "high", 10)


def test_row_11_only_photographs_were_granted() -> None:
    found = judged(REPLICA, record("photo_use"))
    assert outcome(found) == ("no_consent", "photo_licence_only", "high", 11)
    assert {one.consent_id: one.why[0].code for one in found.considered} == {
        "photo_use": "other_limb",
        "release": "other_kind",
    }


def test_row_12_made_with_consent_and_used_without() -> None:
    found = judged(REPLICA, record("replica_create"), record("photo_use"))
    assert outcome(found) == ("out_of_scope", "use_not_granted", "high", 12)


def test_row_12_use_was_granted_to_somebody_else() -> None:
    other = record("replica_use", grantee={"client": "Rival", "affiliates": []})
    found = judged(REPLICA, record("replica_create"), other)
    assert outcome(found) == ("out_of_scope", "use_not_granted", "high", 12)


def test_row_12_does_not_hide_why_the_use_itself_fails() -> None:
    found = judged(REPLICA, record("replica_create"), record("replica_use", scope={"media": ["tv"]}))
    assert outcome(found) == ("out_of_scope", None, "medium", 16)


def test_row_12_an_edit_was_granted_and_it_was_generated() -> None:
    found = judged(REPLICA, record("ai_edit"))
    assert outcome(found) == ("out_of_scope", "use_not_granted", "high", 12)
    assert codes(found) == ["as_replica", "edit_only"]
    assert judged(EDIT, record("ai_edit")).row == 18
    assert "synthetic_unknown" in codes(judged(FACE, record("ai_edit"), use=replace(USE, declared_ai=True)))


DEFECTIVE: list[tuple[str, dict[str, Any]]] = [
    ("scope_missing", {"scope": None}),
    ("scope_incomplete", {"scope": {"assets": None}}),
    ("purpose_missing", {"purpose": None}),
    ("pay_missing", {"pay": None}),
    ("pay_unacknowledged", {"pay": {"unpaid": True, "amount": None, "currency": None, "unit": None}}),
    ("duration_missing", {"duration": None}),
    ("duration_missing", {"duration": {"valid_to": None}}),
    ("duration_missing", {"duration": {"valid_from": None}}),
    ("not_separate", {"form": {"separate": False}}),
    ("not_conspicuous", {"form": {"conspicuous": False}}),
    ("agent_alone", {"grantor": {"role": "agent", "authority": "poa.pdf"}}),
    ("authority_missing", {"grantor": {"role": "agent", "countersigned": True}}),
    ("guardian_missing", {"subject": {"minor": True}}),
    ("estate_missing", {"subject": {"estate": True}}),
]


@pytest.mark.parametrize(("code", "changes"), DEFECTIVE)
def test_row_13_a_defective_record_is_no_consent(code: str, changes: dict[str, Any]) -> None:
    found = judged(REPLICA, record("replica_use", **changes))
    assert outcome(found) == ("no_consent", "defective_record", "high", 13)
    assert code in codes(found)


def test_row_13_two_records_that_claim_the_same_version_do_not_count() -> None:
    other = record("replica_use", pay={"amount": "1.00"})
    found = judged(REPLICA, record("replica_use"), other)
    assert outcome(found) == ("no_consent", "defective_record", "high", 13)
    assert "conflicting_version" in codes(found)
    twice = judged(REPLICA, record("replica_use"), record("replica_use"))
    assert twice.verdict is Verdict.AUTHORISED


@pytest.mark.parametrize("evidence", [COPY, REPLICA])
def test_row_13_a_disputed_record_needs_a_person(evidence: Evidence) -> None:
    disputed = {"suspended_at": "2026-05-20", "suspension_reason": "lawsuit"}
    records = [record(kind, life=disputed) for kind in ("photo_use", "replica_use")]
    assert outcome(judged(evidence, *records)) == ("needs_review", "suspended", "medium", 20)
    settled = [
        record(kind, life={**disputed, "suspended_until": "2026-05-25"})
        for kind in ("photo_use", "replica_use")
    ]
    assert judged(evidence, *settled).verdict is Verdict.AUTHORISED


@pytest.mark.parametrize("change", [{"published_at": day(4, 1)}, {"made_at": day(3, 1)}])
def test_row_14_signed_after_it_was_made_or_published(change: dict[str, Any]) -> None:
    late = record("replica_use", form={"signed_at": "2026-04-10"})
    use = replace(USE, published_at=day(5), made_at=day(4, 20))
    assert judged(REPLICA, late, use=use).verdict is Verdict.AUTHORISED
    use = replace(use, **{"made_at": day(3, 20), **change})
    assert outcome(judged(REPLICA, late, use=use)) == ("no_consent", "not_prior", "high", 14)


def test_row_14_the_making_may_have_had_its_own_consent() -> None:
    late = record("replica_use", form={"signed_at": "2026-04-10"})
    assert judged(REPLICA, late).row == 14
    assert judged(REPLICA, late, record("replica_create")).row == 18


def test_row_14_the_consent_to_the_making_need_not_say_where_it_is_shown() -> None:
    late = record("replica_use", form={"signed_at": "2026-04-10"})
    assert judged(REPLICA, late, record("replica_create", scope={"media": ["internal"]})).row == 18


def test_row_14_two_versions_of_a_consent_to_the_making_cancel_each_other() -> None:
    late = record("replica_use", form={"signed_at": "2026-04-10"})
    twins = (record("replica_create"), record("replica_create", scope={"media": ["internal"]}))
    assert judged(REPLICA, late, *twins).row == 14


@pytest.mark.parametrize(
    "changes",
    [
        {"form": {"signed_at": "2026-04-10"}},
        {"form": {"separate": False}},
        {"duration": {"valid_from": "2026-04-10"}},
        {"duration": {"valid_to": "2026-03-20"}},
        {"life": {"revoked_at": "2026-03-20"}},
        {"life": {"suspended_at": "2026-05-20"}},
        {"grantee": {"client": "Rival", "affiliates": []}},
        {"scope": {"campaigns": ["autumn"]}},
        {"scope": {"products": ["shoes"]}},
        {"ai": {"tools": ["Another tool"]}},
        {"ai": {"generation": False}},
    ],
)
def test_row_14_the_consent_to_the_making_must_itself_have_held(changes: dict[str, Any]) -> None:
    late = record("replica_use", form={"signed_at": "2026-04-10"})
    assert judged(REPLICA, late, record("replica_create", **changes)).row == 14


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"published_at": day(2, 20), "made_at": day(2, 10)}, "not_yet_valid"),
        ({"published_at": day(1, year=2027)}, "expired"),
        ({"seen_at": day(1, year=2027)}, "expired"),
    ],
)
def test_row_15_outside_its_dates(change: dict[str, Any], verdict: str) -> None:
    found = judged(REPLICA, record("replica_use"), use=replace(USE, **change), at=day(2, year=2027))
    assert outcome(found) == (verdict, None, "medium", 15)


def test_row_15_the_last_day_counts_in_the_time_zone_of_the_record() -> None:
    term = {"timezone": "America/New_York", "valid_to": "2026-05-31"}
    late_evening = dt.datetime(2026, 6, 1, 3, 59, tzinfo=dt.UTC)
    inside = replace(USE, published_at=late_evening)
    assert judged(REPLICA, record("replica_use", duration=term), use=inside, at=late_evening).row == 18
    outside = replace(USE, published_at=late_evening + dt.timedelta(minutes=1))
    assert judged(REPLICA, record("replica_use", duration=term), use=outside).verdict is Verdict.EXPIRED


def test_first_instants_belong_to_the_term_and_to_the_revocation() -> None:
    instant = day(5)
    use = replace(USE, published_at=instant, made_at=instant)
    just = {"duration": {"valid_from": instant}, "form": {"signed_at": instant}}
    assert judged(REPLICA, record("replica_use", **just), use=use).row == 18
    assert judged(REPLICA, revoked(record("replica_use"), instant), use=use).row == 10
    late = record("replica_use", form={"signed_at": "2026-05-02"})
    use = replace(use, published_at=day(5, 20))
    assert judged(REPLICA, late, record("replica_create"), use=use).row == 18
    assert judged(REPLICA, late, revoked(record("replica_create"), instant), use=use).row == 14


def test_row_16_a_named_client_is_believed_whatever_the_domain() -> None:
    found = judged(REPLICA, record("replica_use"), use=replace(USE, client="Rival", domain="acme.example"))
    assert codes(found) == ["as_replica", "client_outside"]


def test_row_16_every_alteration_must_be_granted() -> None:
    found = judged(REPLICA, record("replica_use"), use=replace(USE, alterations=("background", "body")))
    assert codes(found) == ["as_replica", "alteration_outside"]


def test_row_16_forbidding_generation_does_not_forbid_edits() -> None:
    limited = record("replica_use", ai={"generation": False})
    assert judged(EDIT, limited).row == 18
    assert judged(ALTERED, limited).row == 18


def test_row_16_every_failing_term_is_named() -> None:
    use = replace(
        USE, client="Rival", medium=Medium.TV, territory="FR", purpose="politics", alterations=("body",)
    )
    found = judged(REPLICA, record("replica_use"), use=use)
    assert outcome(found) == ("out_of_scope", None, "medium", 16)
    assert codes(found) == [
        "as_replica",
        "alteration_outside",
        "client_outside",
        "medium_outside",
        "purpose_outside",
        "territory_outside",
    ]


@pytest.mark.parametrize(
    ("group", "terms", "code"),
    [
        ("scope", {"products": ["shoes"]}, "product_outside"),
        ("scope", {"exclusions": {"products": ["Coats"]}}, "product_outside"),
        ("scope", {"exclusions": {"media": ["ecommerce"]}}, "medium_outside"),
        ("territory", {"include": ["WORLD"], "exclude": ["US"]}, "territory_outside"),
        ("ai", {"tools": ["Other"]}, "tool_outside"),
        ("ai", {"generation": False}, "generation_outside"),
        ("ai", {"digital_source_types": ["digitalCapture"]}, "digital_source_type_outside"),
    ],
)
def test_row_16_limits_of_scope_and_of_making(group: str, terms: dict[str, Any], code: str) -> None:
    use = replace(
        USE, digital_source_type="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    )
    found = judged(REPLICA, record("replica_use", **{group: terms}), use=use)
    assert outcome(found) == ("out_of_scope", None, "medium", 16)
    assert codes(found) == ["as_replica", code]


@pytest.mark.parametrize(
    ("change", "qualifier", "code"),
    [
        ({"labelled_ai": False}, "disclosure_missing", "label_missing"),
        ({"has_c2pa": False, "labelled_ai": None}, "disclosure_missing", "c2pa_missing"),
        ({"labelled_ai": None}, "disclosure_unproven", "label_unknown"),
        ({"has_c2pa": None}, "disclosure_unproven", "c2pa_unknown"),
    ],
)
def test_row_17_a_required_disclosure_is_missing(change: dict[str, Any], qualifier: str, code: str) -> None:
    asked = record("replica_use", ai={"label_required": True, "c2pa_required": True})
    found = judged(REPLICA, asked, use=replace(USE, **change))
    assert outcome(found) == ("authorised_with_defect", qualifier, "low", 17)
    assert code in codes(found)
    assert is_flag(found)
    assert judged(REPLICA, asked).row == 18
    assert judged(REPLICA, asked, record("replica_use", "z-free"), use=replace(USE, **change)).row == 18


def test_row_18_a_replica_inside_all_terms() -> None:
    found = judged(REPLICA, record("replica_use", "C-7"))
    assert outcome(found) == ("authorised", None, "none", 18)
    assert "C-7" in found.reasons[-1].detail
    assert [one.consent_id for one in found.considered if one.covers] == ["C-7"]


def test_row_18_a_new_photograph_inside_its_licence() -> None:
    assert outcome(judged(PHOTO, record("photo_use"))) == ("authorised", None, "none", 18)


@pytest.mark.parametrize("evidence", [FACE, PHOTO, COPY, REPLICA])
def test_row_19_nothing_on_record(evidence: Evidence) -> None:
    found = judged(evidence)
    assert outcome(found) == ("no_consent", None, "high", 19)
    assert "nothing_on_record" in codes(found)
    assert ("limb_unsure" in codes(found)) == (evidence is FACE)


@pytest.mark.parametrize("form", [{"signed_at": None}, {"signed_at": "2026-06-02"}])
def test_row_19_an_unsigned_record_is_not_on_record(form: dict[str, Any]) -> None:
    found = judged(COPY, record("photo_use", form=form))
    assert found.row == 19
    assert found.considered[0].why[0].code == "not_signed"


def test_row_19_a_replica_consent_is_no_photo_licence() -> None:
    assert judged(COPY, record("replica_use")).row == 19


def test_row_20_publication_unknown_with_both_answers() -> None:
    found = judged(REPLICA, record("replica_use"), use=replace(USE, published_at=None, made_at=None))
    assert outcome(found) == ("needs_review", "date_unknown", "medium", 20)
    assert set(codes(found)) == {"as_replica", "published_at_unknown", "made_at_unknown", "either_answer"}
    assert "no_consent: not_prior" in found.reasons[-1].detail
    assert any("the consent ends on" in reason.detail for reason in found.reasons)


def test_row_20_only_if_the_answer_depends_on_the_date() -> None:
    undated = replace(USE, published_at=None, made_at=None)
    assert judged(REPLICA, record("replica_use", scope={"media": ["tv"]}), use=undated).row == 16
    too_new = replace(undated, made_at=day(1, year=2027))
    assert (
        judged(REPLICA, record("replica_use"), use=too_new, at=day(2, year=2027)).verdict is Verdict.EXPIRED
    )
    too_old = replace(undated, seen_at=day(2, 20))
    assert judged(COPY, record("photo_use"), use=too_old).verdict is Verdict.NOT_YET_VALID


def test_row_20_bounds_may_settle_it() -> None:
    """Made after the term began and seen before it ended: when it was published no longer matters."""
    assert (
        judged(REPLICA, record("replica_use"), use=replace(USE, published_at=None, seen_at=day(5, 20))).row
        == 18
    )


@pytest.mark.parametrize("seen_at", [None, day(5, 20)])
def test_row_20_a_term_that_ended_since_does_not_authorise(seen_at: dt.datetime | None) -> None:
    found = judged(COPY, record("photo_use"), use=replace(USE, seen_at=seen_at), at=day(2, year=2027))
    assert outcome(found) == ("needs_review", "date_unknown", "medium", 20)
    assert codes(found) == ["still_online_unknown", "either_answer"]
    assert "expired" in found.reasons[-1].detail


def test_row_20_contradicting_dates_are_unknown_dates() -> None:
    """Seen before it was published, or published before it was made: one of the two is wrong."""
    seen_first = replace(USE, published_at=day(5), made_at=None, seen_at=day(4))
    assert set(codes(judged(COPY, record("photo_use"), use=seen_first))) == {
        "published_at_unknown",
        "either_answer",
    }
    made_last = replace(USE, made_at=day(5, 20))
    assert "made_at_unknown" in codes(judged(REPLICA, record("replica_use"), use=made_last))


def test_row_20_a_publication_after_the_sighting_is_not_believed() -> None:
    """Its date alone would be past the term; seen earlier, it was published earlier."""
    use = replace(USE, published_at=day(1, year=2027), seen_at=day(5))
    assert judged(COPY, record("photo_use"), use=use, at=day(2, year=2027)).row == 20


@pytest.mark.parametrize("field", ["medium", "territory", "purpose", "campaign"])
def test_row_20_an_unknown_field_that_the_record_restricts(field: str) -> None:
    found = judged(COPY, record("photo_use"), use=replace(USE, **{field: None}))
    assert outcome(found) == ("needs_review", "use_unknown", "medium", 20)
    assert codes(found) == [f"{field}_unknown", "either_answer"]


def test_row_20_an_unknown_field_that_the_record_leaves_open() -> None:
    free = record("photo_use", scope={"media": "any", "campaigns": "any"}, territory={"include": ["WORLD"]})
    use = replace(USE, medium=None, territory=None, campaign=None, product=None)
    assert judged(COPY, free, use=use).verdict is Verdict.AUTHORISED
    barred = record("photo_use", scope={"media": "any", "exclusions": {"media": ["tv"]}})
    assert "medium_unknown" in codes(judged(COPY, barred, use=replace(USE, medium=None)))


def test_row_20_a_territory_that_is_none() -> None:
    assert "territory_unknown" in codes(judged(COPY, record("photo_use"), use=replace(USE, territory="UK")))
    nearly = record("photo_use", territory={"include": ["WORLD"], "exclude": ["US"]})
    assert "territory_unknown" in codes(judged(COPY, nearly, use=replace(USE, territory=None)))


def test_row_20_unknown_limits_of_making() -> None:
    limited = record(
        "replica_use", ai={"tools": ["Studio"], "generation": False, "digital_source_types": ["x"]}
    )
    found = judged(FACE, limited, use=replace(USE, declared_ai=True, tool=None))
    assert {"tool_unknown", "generation_unknown", "digital_source_type_unknown"} <= set(codes(found))
    assert found.qualifier == "use_unknown"


def test_row_20_a_silent_record_grants_nothing_by_silence() -> None:
    silent = record("photo_use", scope=None, purpose=None, territory=None)
    found = judged(COPY, silent)
    assert outcome(found) == ("needs_review", "use_unknown", "medium", 20)
    stated = {"asset", "campaign", "product", "medium", "alteration", "purpose", "territory"}
    assert set(codes(found)) == {f"{name}_unstated" for name in stated} | {"either_answer"}


def test_row_20_a_sublicence_that_nobody_proved() -> None:
    found = judged(COPY, record("photo_use", grantee={"sublicence": True}), use=replace(USE, client="Rival"))
    assert outcome(found) == ("needs_review", "use_unknown", "medium", 20)
    assert codes(found) == ["sublicence_unproven", "either_answer"]


def test_both_limbs_covered_both_ways() -> None:
    found = judged(FACE, record("photo_use"), record("replica_use"))
    assert outcome(found) == ("authorised", None, "none", 18)
    assert codes(found) == ["limb_unsure", "covered", "covered"]


def test_both_limbs_the_worse_verdict_names_its_limb() -> None:
    found = judged(FACE, record("photo_use"))
    assert outcome(found) == ("no_consent", "photo_licence_only", "high", 11)
    assert codes(found)[:2] == ["limb_unsure", "limb_replica"]
    found = judged(FACE, record("replica_use"))
    assert outcome(found) == ("no_consent", None, "high", 19)
    assert codes(found)[:2] == ["limb_unsure", "limb_photo"]


def test_both_limbs_a_defect_of_one_is_kept() -> None:
    labelled = record("replica_use", ai={"label_required": True})
    found = judged(FACE, record("photo_use"), labelled, use=replace(USE, labelled_ai=False))
    assert outcome(found) == ("authorised_with_defect", "disclosure_missing", "low", 17)


def test_nearest_a_record_for_this_client_speaks_before_one_for_another() -> None:
    mine = record("photo_use", "mine", scope={"media": ["tv"]}, territory={"include": ["FR"]})
    theirs = record("photo_use", "theirs", grantee={"client": "Rival", "affiliates": []})
    assert codes(judged(COPY, theirs, mine)) == ["medium_outside", "territory_outside"]


def test_nearest_fewer_failing_terms_and_then_the_tables_order() -> None:
    far = record("photo_use", "a", scope={"media": ["tv"]}, territory={"include": ["FR"]})
    near = record("photo_use", "b", scope={"media": ["tv"]})
    gone = revoked(record("photo_use", "c"), day(4))
    assert codes(judged(COPY, far, near)) == ["medium_outside"]
    assert judged(COPY, far, near, gone).verdict is Verdict.REVOKED


def test_an_unknown_that_may_turn_out_well_comes_before_a_certain_failure_of_another_record() -> None:
    open_ended = record("photo_use", "a", scope={"campaigns": ["summer", "spring"]})
    failing = record("photo_use", "b", scope={"campaigns": ["summer"]})
    use = replace(USE, campaign=None, medium=Medium.TV)
    assert judged(COPY, open_ended, failing, use=use).verdict is Verdict.OUT_OF_SCOPE
    assert judged(COPY, open_ended, record("photo_use", "b", scope={"media": ["tv"]}), use=use).row == 20


def test_superseded_versions_never_count() -> None:
    first = record("photo_use")
    narrowed = revised(first, scope={**first.scope.model_dump(), "media": ["tv"]} if first.scope else None)
    found = judged(COPY, narrowed, first)
    assert codes(found) == ["medium_outside"]
    assert [
        (one.version, one.status, one.why[0].code) for one in found.considered if one.kind == "photo_use"
    ] == [
        (1, "superseded", "superseded"),
        (2, "active", "medium_outside"),
    ]


def test_the_record_of_another_talent_is_listed_and_never_covers() -> None:
    found = judged(COPY, revised(record("photo_use"), talent_id="U"))
    assert found.row == 19
    assert found.considered[0].why[0].code == "other_talent"


def test_a_photograph_that_alters_nothing_needs_no_alteration_granted() -> None:
    strict = record("photo_use", scope={"alterations": None})
    assert judged(COPY, strict, use=replace(USE, alterations=())).verdict is Verdict.AUTHORISED
    assert "alteration_unstated" in codes(judged(COPY, strict))


def test_a_record_that_was_never_signed_fails_on_its_own_too() -> None:
    """`decide` leaves unsigned records out; `assess` alone must not let one pass either."""
    case = Case(REPLICA, USE, minor=False, now=NOW, clients=frozenset({"acme"}), host=None)
    found = assess(record("replica_use", form={"signed_at": None}), case, Limb.REPLICA)
    assert [term.code for term in found.failing] == ["not_signed"]
    assert not found.covers


def test_moments_without_a_time_zone_are_utc_and_the_hash_does_not_depend_on_the_zone() -> None:
    paris = dt.timezone(dt.timedelta(hours=2))
    aware = judged(COPY, record("photo_use"))
    naive_use = replace(USE, published_at=day(5).replace(tzinfo=None))
    assert judged(COPY, record("photo_use"), use=naive_use, at=NOW.replace(tzinfo=None)) == aware
    assert judged(COPY, record("photo_use"), at=NOW.astimezone(paris)).inputs_sha256 == aware.inputs_sha256


def test_the_hash_survives_the_ends_of_the_calendar() -> None:
    west = dt.timezone(dt.timedelta(hours=-12))
    assert judged(COPY, use=replace(USE, seen_at=dt.datetime.max.replace(tzinfo=west))).inputs_sha256


def test_a_decision_carries_signal_threshold_and_talent() -> None:
    found = judged(replace(COPY, signal="hash/phash@1/gray", threshold=0.9), record("photo_use"))
    assert (found.signal, found.threshold, found.talent_id, found.as_of) == (
        "hash/phash@1/gray",
        0.9,
        "T",
        NOW,
    )


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"form": {"signed_at": "2026-06-02"}}, False),
        ({"privacy": {"retention_until": "2026-05-30"}}, False),
        ({"privacy": {"retention_until": None}}, True),
        ({"privacy": {"erasure_requested_at": "2026-05-30"}}, False),
        ({"privacy": {"erasure_requested_at": "2026-06-30"}}, True),
        ({"life": {"revoked_at": "2026-05-30"}}, False),
        ({"life": {"suspended_at": "2026-05-30"}}, False),
        ({"duration": {"timezone": "UTC", "valid_from": "2026-06-02"}}, False),
        ({"subject": {"minor": True}}, False),
        ({"subject": {"minor": True}, "grantor": {"role": "guardian"}}, True),
    ],
)
def test_whether_a_template_may_be_used(changes: dict[str, Any], holds: bool) -> None:
    release = revised(BIOMETRIC, **changes)
    assert holds_biometric([BIOMETRIC, release, record("photo_use")], NOW) is holds


def test_conflicting_releases_do_not_count() -> None:
    twin = revised(BIOMETRIC, grantor={"role": "agent", "authority": "poa"})
    assert holds_biometric([twin], NOW)
    assert not holds_biometric([twin, revised(BIOMETRIC, grantor={"role": "self", "name": "T"})], NOW)


ANGELES = {"timezone": "America/Los_Angeles", "valid_from": "2026-03-01", "valid_to": "2026-12-31"}


@pytest.mark.parametrize(
    ("published", "row"),
    [
        (dt.date(2026, 2, 28), 8),
        (dt.date(2026, 3, 1), 7),
        (dt.date(2026, 12, 31), 7),
        (dt.date(2027, 1, 1), 8),
    ],
)
def test_a_day_of_publication_is_a_day_in_the_records_zone(published: dt.date, row: int) -> None:
    licence = record("photo_use", duration=ANGELES, form={"signed_at": "2026-01-05T10:30:00Z"})
    at = dt.datetime.combine(published, dt.time(8, 0), tzinfo=dt.UTC)
    assert judged(COPY, licence, use=replace(USE, published_at=published, made_at=None), at=at).row == row


def test_signed_on_the_day_of_publication_is_unknown_and_no_accusation() -> None:
    licence = record("photo_use", form={"signed_at": "2026-04-01T10:30:00Z"})
    found = judged(COPY, licence, use=replace(USE, published_at=dt.date(2026, 4, 1), made_at=None))
    assert outcome(found)[:2] == ("needs_review", "date_unknown")


def test_signed_on_the_day_a_replica_was_made_is_unknown_and_no_accusation() -> None:
    licence = record("replica_use", form={"signed_at": "2026-04-01T10:30:00Z"})
    use = replace(USE, made_at=dt.date(2026, 4, 1), published_at=dt.date(2026, 4, 20))
    found = judged(REPLICA, licence, use=use)
    assert outcome(found)[:2] == ("needs_review", "date_unknown")
    assert "the day the replica was made" in " ".join(reason.detail for reason in found.reasons)


def test_a_domain_of_several_clients_authorises_nobody_by_itself() -> None:
    shared = replace(USE, client=None, domain="kids.brand.example")
    owner = record("photo_use").grantee.client
    assert judged(COPY, record("photo_use"), use=shared, owners=(owner,)).verdict is Verdict.AUTHORISED
    both = judged(COPY, record("photo_use"), use=shared, owners=(owner, "Other Kids Ltd"))
    assert both.verdict is Verdict.NEEDS_REVIEW
    assert "client_ambiguous" in codes(both)


def test_a_claimed_reference_does_not_stand_in_for_the_one_that_was_copied() -> None:
    licence = record("photo_use", scope={"assets": ["ref_a"]})
    copied = replace(COPY, reference_id="ref_b")
    found = judged(copied, licence, use=replace(USE, asset="ref_a"))
    assert outcome(found)[0] == "out_of_scope"
    assert judged(replace(COPY, reference_id="ref_a"), licence, use=USE).verdict is Verdict.AUTHORISED


def test_an_estate_cannot_sign_for_the_living() -> None:
    assert "estate_for_living" in defects(record("replica_use", grantor={"role": "estate"}))


def test_a_withdrawal_speaks_of_every_release_signed_before_it() -> None:
    again = parse_record({**BIOMETRIC.model_dump(), "consent_id": "second"})
    withdrawn = revised(BIOMETRIC, life={"revoked_at": "2026-05-30"})
    erased = revised(BIOMETRIC, privacy={"erasure_requested_at": "2026-05-30"})
    assert holds_biometric([BIOMETRIC, again], NOW)
    assert not holds_biometric([withdrawn, again], NOW)
    assert not holds_biometric([erased, again], NOW)


def test_a_release_signed_after_a_withdrawal_counts() -> None:
    later = {"signed_at": "2026-05-31", "document": "again.pdf"}
    again = parse_record({**BIOMETRIC.model_dump(), "consent_id": "second", "form": later})
    assert holds_biometric([revised(BIOMETRIC, life={"revoked_at": "2026-05-30"}), again], NOW)


def test_a_minor_cannot_release_their_own_template_whatever_the_record_says_of_them() -> None:
    assert not holds_biometric([BIOMETRIC], NOW, minor=True)
    assert holds_biometric([GUARDIANS_RELEASE], NOW, minor=True)


def test_worst_is_by_severity_then_verdict() -> None:
    calm = judged(COPY, record("photo_use"))
    review = judged(replace(COPY, doubts=(Doubt.WEAK,)))
    late = judged(COPY, record("photo_use"), use=replace(USE, published_at=day(2)))
    outside = judged(COPY, record("photo_use"), use=replace(USE, medium=Medium.TV))
    bad = judged(REPLICA)
    assert worst([calm, review, outside, late]) is outside
    assert worst([late, bad, review]) is bad
    assert worst([review, calm]) is review
    assert worst([]) is None
    assert [is_flag(one) for one in (calm, review, late, bad)] == [False, True, True, True]
    assert Severity.CRITICAL.rank > Severity.HIGH.rank
