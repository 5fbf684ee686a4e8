"""What must hold of the consent rules for any input at all."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from detector.consent import decide, is_flag, worst
from detector.decision import Decision, Evidence, TalentStanding, Verdict
from detector.inputs import inputs_from, inputs_row
from detector.matches import CopyClass, Doubt
from detector.reasons import REASON_CODES, Qualifier
from detector.record import (
    ConsentRecord,
    ConsentStatus,
    current,
    defects,
    parse_record,
    revised,
    revoked,
    status,
)
from detector.terms import ConsentKind
from detector.use import Medium, SyntheticClass, Use

DAY_ONE = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
COVERED = {Verdict.AUTHORISED, Verdict.AUTHORISED_WITH_DEFECT}
USE_KINDS = ["photo_use", "ai_edit", "replica_create", "replica_use"]

zones = st.sampled_from([dt.UTC, *map(ZoneInfo, ("Europe/Paris", "America/St_Johns", "Pacific/Apia"))])


def examples(number: int) -> settings:
    """So many, however slow the machine is at the time: nothing here is about speed."""
    return settings(max_examples=number, deadline=None, suppress_health_check=[HealthCheck.too_slow])


# Few values and few days, so that a record and a use meet, and just miss each other, often.
moments = st.integers(0, 20).map(lambda days: DAY_ONE + dt.timedelta(days=days))
dates = st.integers(0, 20).map(lambda days: (DAY_ONE + dt.timedelta(days=days)).date().isoformat())
clients = st.sampled_from(["Acme", "Rival"])
words = st.sampled_from(["spring", "summer"])
lists = st.one_of(st.just("any"), st.lists(words, min_size=1, max_size=2))


def sometimes(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(strategy, strategy, strategy, st.none())


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A record's document, sound more often than not: most of the time it could cover something."""
    start = draw(st.integers(0, 8))
    first, last = (DAY_ONE + dt.timedelta(days=days) for days in (start, start + draw(st.integers(0, 12))))
    document = {
        "kind": draw(st.sampled_from(USE_KINDS)),
        "consent_id": draw(st.sampled_from("ABCD")),
        "talent_id": draw(st.sampled_from(["T", "T", "T", "U"])),
        "version": draw(st.sampled_from([1, 1, 1, 2])),
        "subject": {"minor": draw(st.booleans() | st.just(False))},
        "grantor": {"role": draw(st.sampled_from(["self", "self", "guardian", "agent", "estate"]))},
        "grantee": {
            "client": draw(clients),
            "sublicence": draw(st.sampled_from([False, False, True])),
            "domains": draw(st.lists(st.just("acme.example"), max_size=1)),
        },
        "scope": draw(
            sometimes(
                st.fixed_dictionaries(
                    {
                        "assets": lists,
                        "campaigns": lists,
                        "products": lists,
                        "media": st.sampled_from(["any", ["tv"], ["tv", "print"]]),
                        "alterations": lists,
                    },
                    optional={"exclusions": st.just({"media": ["print"], "products": ["summer"]})},
                )
            )
        ),
        "purpose": draw(
            sometimes(st.just({"code": "spring", "description": "pictures of the spring collection"}))
        ),
        "pay": draw(sometimes(st.just({"amount": 5, "currency": "EUR", "unit": "flat"}))),
        "duration": {"timezone": "UTC", "valid_from": first.isoformat(), "valid_to": last.isoformat()},
        "territory": draw(
            st.sampled_from(
                [{"include": ["WORLD"]}, {"include": ["FR"]}, {"include": ["WORLD"], "exclude": ["US"]}]
            )
        ),
        "ai": draw(
            st.sampled_from([{}, {}, {"label_required": True}, {"tools": ["Studio"], "generation": False}])
        ),
        "form": {
            "separate": True,
            "conspicuous": draw(st.sampled_from([True, True, False])),
            "signed_at": draw(sometimes(dates)),
        },
        "life": draw(
            st.sampled_from(
                [
                    {},
                    {},
                    {"revoked_at": "2026-01-10"},
                    {"suspended_at": "2026-01-10", "suspended_until": "2026-01-14"},
                ]
            )
        ),
    }
    return {name: terms for name, terms in document.items() if terms is not None}


records = documents().map(parse_record)
books = st.lists(records, max_size=5)
generous = st.tuples(st.sampled_from(USE_KINDS), st.sampled_from("EFG")).map(
    lambda drawn: parse_record(
        {
            "kind": drawn[0],
            "consent_id": drawn[1],
            "talent_id": "T",
            "grantor": {"role": "guardian"},
            "grantee": {"client": "Acme", "affiliates": ["Rival"], "domains": ["acme.example"]},
            "scope": dict.fromkeys(("assets", "campaigns", "products", "media", "alterations"), "any"),
            "purpose": {"code": "any", "description": "whatever the client thinks fit"},
            "pay": {"unpaid": True, "unpaid_acknowledged": True},
            "duration": {"timezone": "UTC", "valid_from": "2026-01-02", "valid_to": "2026-01-18"},
            "territory": {"include": ["WORLD"]},
            "form": {"separate": True, "conspicuous": True, "signed_at": "2026-01-01"},
        }
    )
)
uses = st.builds(
    Use,
    client=sometimes(clients),
    purpose=sometimes(words),
    medium=sometimes(st.sampled_from([Medium.TV, Medium.PRINT])),
    territory=sometimes(st.sampled_from(["FR", "US", "WORLD", "XX"])),
    published_at=sometimes(moments),
    made_at=sometimes(moments),
    seen_at=st.none() | moments,
    declared_ai=st.sampled_from([None, None, False, True]),
    domain=st.sampled_from([None, "acme.example", "www.acme.example", "other.example"]),
    asset=sometimes(words),
    campaign=sometimes(words),
    product=sometimes(words),
    alterations=st.lists(words, max_size=2).map(tuple),
    labelled_ai=st.sampled_from([None, False, True]),
    has_c2pa=st.sampled_from([None, False, True]),
    tool=sometimes(st.just("Studio")),
)
evidences = st.builds(
    Evidence,
    usable=st.just(True),
    matched=st.just(True),
    copy_class=st.none() | st.sampled_from(CopyClass),
    reference_id=st.sampled_from([None, "spring", "ref"]),
    synthetic=st.sampled_from(SyntheticClass),
)
talents = st.builds(TalentStanding, st.just("T"), minor=st.booleans(), wants_every_report=st.booleans())
RELEASE = parse_record(
    {
        "kind": "biometric_enrolment",
        "consent_id": "R",
        "talent_id": "T",
        "grantor": {"role": "guardian"},
        "form": {"signed_at": "2025-01-01"},
    }
)
TALENT = TalentStanding("T")
LATER = DAY_ONE + dt.timedelta(days=30)


def covered(decision: Decision) -> bool:
    return decision.verdict in COVERED


@given(
    st.builds(
        Evidence,
        usable=st.booleans(),
        matched=st.booleans(),
        doubts=st.lists(st.sampled_from(Doubt), max_size=2).map(tuple),
        copy_class=st.none() | st.sampled_from(CopyClass),
        reference_id=st.none() | st.text(),
        synthetic=st.sampled_from(SyntheticClass),
        threshold=st.none() | st.floats(),
    ),
    st.builds(
        Use,
        client=st.none() | st.text(),
        purpose=st.none() | st.text(),
        medium=st.none() | st.sampled_from(Medium),
        territory=st.none() | st.text(),
        published_at=st.none() | st.datetimes(timezones=st.none() | zones),
        made_at=st.none() | st.datetimes(timezones=st.none() | zones),
        seen_at=st.none() | st.datetimes(timezones=st.none() | zones),
        declared_ai=st.none() | st.booleans(),
        domain=st.none() | st.text(),
        asset=st.none() | st.text(),
        alterations=st.lists(st.text(), max_size=2).map(tuple),
    ),
    st.lists(records, max_size=4),
    st.none()
    | st.builds(TalentStanding, st.sampled_from(["T", "U", ""]), st.booleans(), st.booleans(), st.booleans()),
    st.datetimes(timezones=st.none() | zones),
    st.lists(st.text(), max_size=2),
)
@examples(50)
def test_any_input_gets_a_decision(
    evidence: Evidence,
    use: Use,
    book: list[ConsentRecord],
    talent: TalentStanding | None,
    at: dt.datetime,
    owners: list[str],
) -> None:
    found = decide(evidence, use, [RELEASE, *book], talent, at, owners)
    assert 1 <= found.row <= 20
    assert found.reasons
    assert len(found.inputs_sha256) == 64
    assert found.as_of.utcoffset() is not None


@given(evidences, uses, books, talents, moments)
@examples(50)
def test_everything_a_decision_says_is_documented(
    evidence: Evidence, use: Use, book: list[ConsentRecord], talent: TalentStanding, at: dt.datetime
) -> None:
    found = decide(evidence, use, [RELEASE, *book], talent, at)
    said = {reason.code for reason in found.reasons}
    said |= {reason.code for one in found.considered for reason in one.why}
    assert said <= set(REASON_CODES)
    assert found.qualifier is None or found.qualifier in set(Qualifier)
    assert is_flag(found) == (found.verdict not in {Verdict.AUTHORISED, Verdict.NO_MATCH})
    if found.row != 4:
        assert sorted((one.consent_id, one.version) for one in found.considered) == sorted(
            (one.consent_id, one.version) for one in {RELEASE, *book}
        )
        assert all(one.why for one in found.considered)


@given(evidences, uses, books, talents, moments, st.randoms(use_true_random=False))
@examples(50)
def test_the_order_of_records_does_not_matter(
    evidence: Evidence,
    use: Use,
    book: list[ConsentRecord],
    talent: TalentStanding,
    at: dt.datetime,
    chance: Any,
) -> None:
    everything = [RELEASE, *book]
    shuffled = everything.copy()
    chance.shuffle(shuffled)
    found = decide(evidence, use, everything, talent, at, ("Acme", "Rival"))
    assert decide(evidence, use, shuffled, talent, at, ("Rival", "Acme")) == found
    assert decide(evidence, use, [*everything, *shuffled], talent, at, ("Acme", "Rival")) == found


@given(evidences, uses, books, talents, moments)
@examples(40)
def test_a_decision_can_be_computed_again_from_what_is_stored(
    evidence: Evidence, use: Use, book: list[ConsentRecord], talent: TalentStanding, at: dt.datetime
) -> None:
    stored = [ConsentRecord.model_validate(json.loads(one.model_dump_json())) for one in [RELEASE, *book]]
    found = decide(evidence, use, [RELEASE, *book], talent, at)
    assert decide(evidence, use, stored, talent, at) == found


@given(evidences, uses, books, talents, moments, st.sampled_from([(), ("Acme", "Rival")]))
@examples(40)
def test_a_decision_can_be_computed_again_from_the_row_of_its_inputs(
    evidence: Evidence,
    use: Use,
    book: list[ConsentRecord],
    talent: TalentStanding,
    at: dt.datetime,
    owners: tuple[str, ...],
) -> None:
    kept = {(one.consent_id, one.version): one for one in [RELEASE, *book]}
    found = decide(evidence, use, list(kept.values()), talent, at, owners)
    assert found.inputs is not None
    row = json.loads(json.dumps(inputs_row(found.inputs)))
    again = inputs_from(row, lambda consent_id, version: kept[consent_id, version])
    decided = decide(
        again.evidence, again.use, again.records, again.talent, again.at, again.clients_of_domain
    )
    assert decided.inputs_sha256 == found.inputs_sha256
    assert (decided.verdict, decided.qualifier, decided.row) == (found.verdict, found.qualifier, found.row)


@given(evidences, uses, generous, talents, moments, uses)
@examples(40)
def test_the_hash_tells_inputs_apart(
    evidence: Evidence, use: Use, grant: ConsentRecord, talent: TalentStanding, at: dt.datetime, other: Use
) -> None:
    first = decide(evidence, use, [RELEASE, grant], talent, at)
    second = decide(evidence, other, [RELEASE, grant], talent, at)
    assert (first.inputs_sha256 == second.inputs_sha256) == (use == other)


@given(evidences, uses, books, generous, talents, moments)
@examples(80)
def test_a_record_that_is_not_in_force_never_authorises(
    evidence: Evidence,
    use: Use,
    book: list[ConsentRecord],
    grant: ConsentRecord,
    talent: TalentStanding,
    at: dt.datetime,
) -> None:
    """Draft, expired, revoked, suspended, superseded or void: none such covers, nor do all of them together."""
    everything = [grant, *book]
    newest = set(current([one for one in everything if one.talent_id == "T"]))
    void = {
        one
        for one in everything
        if status(one, at, superseded=one not in newest)
        not in {ConsentStatus.ACTIVE, ConsentStatus.SCHEDULED}
        or defects(one)
    }
    found = decide(evidence, use, [RELEASE, *everything], talent, at)
    ids = {(one.consent_id, one.version) for one in void} - {
        (one.consent_id, one.version) for one in set(everything) - void
    }
    assert not [one for one in found.considered if one.covers and (one.consent_id, one.version) in ids]
    assert not covered(decide(evidence, use, [RELEASE, *void], talent, at))


@given(evidences, uses, generous, talents, moments, moments)
@examples(50)
def test_revoking_at_once_ends_every_authorisation(
    evidence: Evidence,
    use: Use,
    grant: ConsentRecord,
    talent: TalentStanding,
    at: dt.datetime,
    when: dt.datetime,
) -> None:
    gone = revoked(grant, when)
    found = decide(evidence, use, [RELEASE, grant, gone], talent, at)
    assert not (covered(found) and when <= at)


@given(evidences, uses, generous, moments, moments)
@examples(50)
def test_once_expired_never_authorised_again(
    evidence: Evidence, use: Use, grant: ConsentRecord, first: dt.datetime, second: dt.datetime
) -> None:
    end = grant.ends_at
    assert end is not None
    assume(end < max(first, second))
    assert not covered(decide(evidence, use, [RELEASE, grant], TALENT, max(first, second)))


@given(evidences, uses, books, generous, records, talents, moments)
@examples(80)
def test_adding_a_record_never_takes_an_authorisation_away(
    evidence: Evidence,
    use: Use,
    book: list[ConsentRecord],
    grant: ConsentRecord,
    added: ConsentRecord,
    talent: TalentStanding,
    at: dt.datetime,
) -> None:
    """Unless it is a version of a consent that is there already."""
    before = [RELEASE, grant, *book]
    assume(added.consent_id not in {one.consent_id for one in before})
    held = decide(evidence, use, before, talent, at)
    after = decide(evidence, use, [*before, added], talent, at)
    if covered(held):
        assert covered(after)
        assert after.severity.rank <= held.severity.rank


replicas = evidences.filter(
    lambda found: (
        found.copy_class is CopyClass.ALTERED
        or found.synthetic in {SyntheticClass.AI_EDITED, SyntheticClass.AI_GENERATED}
    )
)


@given(replicas, uses, st.lists(st.one_of(records, generous), max_size=5), talents, moments)
@examples(50)
def test_a_photo_licence_never_authorises_a_known_replica(
    evidence: Evidence, use: Use, book: list[ConsentRecord], talent: TalentStanding, at: dt.datetime
) -> None:
    licences = [one for one in book if one.kind is ConsentKind.PHOTO_USE]
    assert not covered(decide(evidence, use, [RELEASE, *licences], talent, at))
    assert not covered(
        decide(
            replace(evidence, synthetic=SyntheticClass.UNKNOWN, copy_class=None),
            use,
            [RELEASE, *licences],
            talent,
            at,
        )
    )


KNOWABLE: dict[str, st.SearchStrategy[Any]] = {
    "client": clients,
    "purpose": words,
    "medium": st.sampled_from(Medium),
    "territory": st.sampled_from(["FR", "US", "WORLD", "XX"]),
    "published_at": moments,
    "made_at": moments,
    "asset": words,
    "campaign": words,
    "product": words,
    "labelled_ai": st.booleans(),
    "has_c2pa": st.booleans(),
    "tool": st.sampled_from(["Studio", "Other"]),
    "digital_source_type": words,
}


@given(
    evidences,
    uses,
    st.lists(st.one_of(records, generous), max_size=3),
    st.data(),
    st.sampled_from(sorted(KNOWABLE)),
)
@examples(80)
def test_an_unknown_field_never_authorises_more_than_a_known_one(
    evidence: Evidence, use: Use, book: list[ConsentRecord], data: st.DataObject, field: str
) -> None:
    """Whatever the field turns out to be, what was authorised without it stays so. A domain stands in for the client."""
    known = data.draw(KNOWABLE[field], label=field)
    use = replace(use, domain=None, seen_at=None)
    without = decide(
        evidence, replace(use, **{field: None}), [RELEASE, *book], TALENT, LATER - dt.timedelta(days=20)
    )
    if covered(without):
        told = decide(
            evidence, replace(use, **{field: known}), [RELEASE, *book], TALENT, LATER - dt.timedelta(days=20)
        )
        assert covered(told)


def test_the_generated_cases_reach_both_sides() -> None:
    """The properties above would hold of rules that authorise nothing: they must be asked of cases that do both."""
    seen: set[Verdict] = set()

    @given(evidences, uses, books, generous, moments)
    @settings(examples(120), database=None, derandomize=True)
    def collect(
        evidence: Evidence, use: Use, book: list[ConsentRecord], grant: ConsentRecord, at: dt.datetime
    ) -> None:
        seen.add(decide(evidence, use, [RELEASE, grant, *book], TALENT, at).verdict)

    collect()
    assert seen >= {Verdict.AUTHORISED, Verdict.NEEDS_REVIEW, Verdict.NO_CONSENT, Verdict.OUT_OF_SCOPE}


@given(st.lists(st.tuples(evidences, uses, moments), max_size=4))
@examples(25)
def test_worst_is_one_of_them_and_none_is_worse(cases: list[tuple[Evidence, Use, dt.datetime]]) -> None:
    decisions = [decide(evidence, use, [RELEASE], TALENT, at) for evidence, use, at in cases]
    found = worst(decisions)
    assert (found is None) == (not decisions)
    if found is not None:
        assert found in decisions
        assert all(one.severity.rank <= found.severity.rank for one in decisions)


@given(records)
@examples(25)
def test_a_new_version_leaves_only_itself_current(record: ConsentRecord) -> None:
    following = revised(record)
    assert current([following, record]) == [following]
    assert (following.version, following.supersedes) == (record.version + 1, record.version)
