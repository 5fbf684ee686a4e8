"""Until when templates may be kept: while a release holds or may hold, and not a moment longer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.consent import holds_biometric
from detector.record import ConsentRecord, parse_record, revised
from detector.retention import Overdue, overdue

AT = datetime(2026, 6, 1, tzinfo=UTC)
LATER = "2027-01-01"


def release(**terms: Any) -> ConsentRecord:
    stated = {
        "kind": "biometric_enrolment",
        "consent_id": "con_r",
        "grantor": {"role": "self"},
        "form": {"signed_at": "2026-01-01"},
        "privacy": {"retention_until": LATER},
    }
    return parse_record({**stated, **terms}, talent_id="T")


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({}, None),
        ({"privacy": {}}, None),
        ({"privacy": {"retention_until": "2026-05-01"}}, Overdue.RETENTION_PASSED),
        (
            {"duration": {"valid_from": "2026-01-01", "valid_to": "2026-05-01", "timezone": "UTC"}},
            Overdue.RETENTION_PASSED,
        ),
        ({"life": {"revoked_at": "2026-05-01"}}, Overdue.RELEASE_WITHDRAWN),
        ({"life": {"revoked_at": "2026-05-01", "effective_at": "2026-07-01"}}, None),
        ({"privacy": {"erasure_requested_at": "2026-05-01"}}, Overdue.ERASURE_REQUESTED),
        ({"privacy": {"erasure_requested_at": "2026-07-01"}}, None),
        ({"life": {"suspended_at": "2026-05-01"}}, None),
        ({"form": {}}, None),
        ({"duration": {"valid_from": "2026-07-01", "timezone": "UTC"}}, None),
    ],
)
def test_one_release(terms: dict[str, Any], why: Overdue | None) -> None:
    assert overdue([release(**terms)], AT) == why


def test_without_any_release_nothing_is_due() -> None:
    assert overdue([], AT) is None
    assert (
        overdue(
            [
                parse_record(
                    {"kind": "training", "consent_id": "c", "grantor": {"role": "self"}}, talent_id="T"
                )
            ],
            AT,
        )
        is None
    )


def test_a_release_that_still_holds_keeps_what_another_ended() -> None:
    ended = release(privacy={"retention_until": "2026-05-01"})
    assert overdue([ended, release(consent_id="con_s")], AT) is None
    assert overdue([ended, release(consent_id="con_s", form={})], AT) is None
    assert overdue([ended, release(consent_id="con_s", life={"revoked_at": "2026-05-01"})], AT) is not None


def test_a_release_signed_after_the_request_counts() -> None:
    asked = release(privacy={"erasure_requested_at": "2026-03-01"})
    assert overdue([asked, release(consent_id="con_s")], AT) is Overdue.ERASURE_REQUESTED
    assert overdue([asked, release(consent_id="con_s", form={"signed_at": "2026-04-01"})], AT) is None


def test_the_newest_version_decides() -> None:
    first = release(privacy={"retention_until": "2026-05-01"})
    renewed = revised(first, privacy={"retention_until": LATER})
    assert overdue([first, renewed], AT) is None


def test_a_guardians_missing_signature_ends_nothing() -> None:
    assert overdue([release()], AT, minor=True) is None


DAYS = st.integers(-400, 400).map(lambda days: AT + timedelta(days=days))


@given(until=DAYS, revoked=st.none() | DAYS, asked=st.none() | DAYS)
def test_nothing_is_due_while_a_release_holds(
    until: datetime, revoked: datetime | None, asked: datetime | None
) -> None:
    record = release(
        privacy={"retention_until": until.isoformat(), "erasure_requested_at": asked and asked.isoformat()},
        life={"revoked_at": revoked and revoked.isoformat()},
    )
    assert (overdue([record], AT) is None) == holds_biometric([record], AT)
