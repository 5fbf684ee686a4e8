"""A consent record in words, and the terms of several on one axis of time."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.pages.views.consent_record import MEANINGS, UNSAID, changes, endings, parts_of, remarks
from api.pages.views.timeline import TICKS, Axis, timeline
from detector.record import ConsentRecord, ConsentStatus, parse_record, revised, revoked

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def record(consent_id: str = "con_1", **changes: Any) -> ConsentRecord:
    document = {
        "kind": "photo_use",
        "grantor": {"role": "self"},
        "grantee": {"client": "Northwind"},
        "duration": {"timezone": "Europe/Paris", "valid_from": "2026-03-01", "valid_to": "2026-08-31"},
        "form": {"signed_at": "2026-02-20T10:30"},
    }
    return parse_record(document | changes, talent_id="tal_1", consent_id=consent_id)


def told(of: ConsentRecord) -> dict[str, str]:
    return {term.label: term.text for part in parts_of(of) for term in part.terms}


def test_terms_are_told_in_the_records_own_time_zone() -> None:
    found = told(record())
    assert (found["From"], found["To"]) == ("01 Mar 2026", "31 Aug 2026")
    assert found["Signed on"] == "20 Feb 2026, 10:30 CET"
    assert found["Signed by"] == "The talent"


def test_what_a_photo_licence_does_not_say_is_left_out_but_a_replicas_silence_is_told() -> None:
    assert "Amount" not in told(record())
    silent = told(record(kind="replica_use"))
    assert (silent["Amount"], silent["Media"], silent["Countries"]) == (UNSAID, UNSAID, UNSAID)


def test_lists_and_choices_are_words() -> None:
    scope = {"media": ["ooh", "print"], "assets": "any", "products": ["shoes", "bags"]}
    found = told(record(scope=scope, ai={"generation": False}, kind="ai_edit"))
    assert found["Media"] == "Posters, out of home, Print"
    assert (found["Pictures"], found["Products"], found["Generation"]) == ("any", "shoes, bags", "no")


def test_changes_name_both_sides() -> None:
    first = record(scope={"media": ["print"]})
    second = revised(first, scope={"media": ["print", "tv"]}, territory={"include": ["FR"]})
    assert [(one.label, one.before, one.after) for one in changes(first, second)] == [
        ("Media", "Print", "Print, Television"),
        ("Countries", UNSAID, "FR"),
    ]
    assert changes(first, first) == ()


def test_a_revocation_is_a_change() -> None:
    gone = revoked(record(), NOW, reason="contract ended")
    found = {one.label: one.after for one in changes(record(), gone)}
    assert found["Revocation reason"] == "contract ended"
    assert found["Effective at"].startswith("01 Jun 2026")


def test_defects_come_before_warnings_in_sentences() -> None:
    found = remarks(record(kind="replica_use"))
    assert [one.void for one in found] == sorted((one.void for one in found), reverse=True)
    assert "It states no pay." in {one.text for one in found if one.void}
    assert "The SHA-256 of the signed document is not on record." in {
        one.text for one in found if not one.void
    }


def test_every_status_is_explained() -> None:
    assert set(MEANINGS) == set(ConsentStatus)


def test_what_ends_next_comes_first_and_what_does_not_hold_is_left_out() -> None:
    later = record("con_later", duration={"timezone": "UTC", "valid_to": "2027-01-01"})
    over = record("con_over", duration={"timezone": "UTC", "valid_to": "2026-05-01"})
    open_ended = record("con_open", duration={"timezone": "UTC"})
    draft = record("con_draft", form={})
    void = record("con_void", kind="replica_use")
    taken = revoked(record("con_taken"), NOW, effective_at=NOW + 3 * DAY)
    found = endings([later, over, open_ended, draft, void, taken, record()], NOW, 5)
    assert [one.record.consent_id for one in found] == ["con_taken", "con_1", "con_later"]
    assert [(one.days, one.revoked) for one in found[:2]] == [(3, True), (91, False)]
    assert len(endings([later, taken, record()], NOW, 2)) == 2


def test_a_lane_shows_the_term_and_what_a_revocation_took() -> None:
    gone = revoked(record(), NOW, reason="contract ended")
    whole, cut = (timeline([one], NOW).lanes[0] for one in (record(), gone))
    assert whole.lost is None
    assert whole.status is ConsentStatus.ACTIVE
    assert whole.span
    assert cut.span
    assert cut.lost
    assert cut.status is ConsentStatus.REVOKED
    assert cut.span.left == whole.span.left
    assert abs(cut.span.width + cut.lost.width - whole.span.width) < 0.02
    assert cut.signed is not None
    assert cut.signed < cut.span.left


def test_a_term_without_an_end_reaches_the_edge() -> None:
    lane = timeline([record(duration={"timezone": "UTC"})], NOW).lanes[0]
    assert lane.span
    assert lane.span.open
    assert lane.span.left + lane.span.width == 100


def test_a_term_that_a_revocation_took_whole_leaves_only_what_was_lost() -> None:
    early = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    lane = timeline([revoked(record(), early)], NOW).lanes[0]
    assert lane.span is None
    assert lane.lost
    assert lane.lost.width > 0


def test_no_records_have_a_timeline_too() -> None:
    found = timeline([], NOW)
    assert found.lanes == ()
    assert found.now == 50


dates = st.dates(dt.date(1950, 1, 1), dt.date(2200, 1, 1))


@given(st.lists(st.tuples(dates, dates).map(sorted), max_size=6), dates)
def test_everything_lies_on_the_axis_and_in_order(terms: list[list[dt.date]], today: dt.date) -> None:
    records = [
        record(f"con_{n}", duration={"timezone": "UTC", "valid_from": first, "valid_to": last}, form={})
        for n, (first, last) in enumerate(terms)
    ]
    now = dt.datetime.combine(today, dt.time(12), tzinfo=dt.UTC)
    found = timeline(records, now)
    assert 1 <= len(found.ticks) <= TICKS
    assert [tick.at for tick in found.ticks] == sorted({tick.at for tick in found.ticks})
    assert 0 < found.now < 100
    for lane in found.lanes:
        assert lane.span
        assert 0 <= lane.span.left < 100
        assert lane.span.width >= 0
        assert lane.span.left + lane.span.width <= 100.01


def test_an_axis_keeps_what_is_beyond_it_at_its_edges() -> None:
    axis = Axis(NOW, NOW + 10 * DAY)
    assert [axis.at(NOW + days * DAY) for days in (-5, 0, 5, 50)] == [0, 0, 50, 100]
