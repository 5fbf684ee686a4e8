"""The review queue: filters, orders, pages, what a key may see, and counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.store import Store
from data.store.findings import KeptFinding, NewFinding
from data.store.keys import NewKey
from data.store.queue import FindingFilter, Sort, place_of
from detector.access import Principal, Role
from detector.decision import Severity
from detector.errors import UsageError
from detector.review import Judgement, ReviewState
from tests.data.conftest import SetClock
from tests.flagged import face, row

PICTURE = b"the picture that was flagged"

Flag = Callable[..., KeptFinding]
SEVERITIES = ("low", "medium", "high", "critical")


@pytest.fixture
def key(store: Store) -> str:
    return store.keys.create(NewKey(Role.MONITOR, "console"))[0].id


@pytest.fixture
def talents(store: Store) -> list[str]:
    """Two of the agency North, one of South."""
    agencies = ("North", "north ", "South")
    return [store.talents.add(f"AG-{n}", f"N{n}", agency=agency).id for n, agency in enumerate(agencies)]


@pytest.fixture
def flag(store: Store, key: str, talents: list[str]) -> Flag:
    def flagged(
        *who: int, severity: str = "high", client: str | None = "Acme", verdict: str = "no_consent"
    ) -> KeptFinding:
        faces = [face(talents[n], severity=severity, verdict=verdict) for n in who or (0,)]
        kept = store.findings.add(NewFinding(row(*faces, picture=PICTURE), key, client, picture=PICTURE))
        assert kept is not None
        return kept

    return flagged


def ids(found: object) -> list[str]:
    return [one.id for one in found]


def walk(store: Store, sort: Sort, limit: int) -> list[KeptFinding]:
    seen: list[KeptFinding] = []
    while page := store.queue.page(FindingFilter(), sort, place_of(seen[-1]) if seen else None, limit):
        seen += page
    return seen


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.sampled_from(SEVERITIES), max_size=6), st.integers(1, 4), st.booleans())
def test_pages_show_everything_once_in_the_order_asked_for(
    store: Store, flag: Flag, clock: SetClock, grades: list[str], limit: int, at_once: bool
) -> None:
    for grade in grades:
        flag(severity=grade)
        clock.now -= timedelta(seconds=5 if at_once else 0)  # also moments that repeat
    for sort in Sort:
        seen = walk(store, sort, limit)
        assert ids(seen) == ids(store.queue.page(FindingFilter(), sort, None, 1000))
        assert len(set(ids(seen))) == len(seen)
        moments = [one.created_at for one in seen]
        ranks = [-Severity(one.severity).rank for one in seen]
        if sort is Sort.GRAVEST:
            assert list(zip(ranks, moments, strict=True)) == sorted(zip(ranks, moments, strict=True))
        else:
            assert moments == sorted(moments, reverse=sort is Sort.NEWEST)


def test_a_page_goes_on_where_it_was_although_the_queue_moves(store: Store, flag: Flag, key: str) -> None:
    first, second, third = flag(severity="low"), flag(severity="low"), flag(severity="low")
    page = store.queue.page(FindingFilter(states=[ReviewState.OPEN]), Sort.GRAVEST, None, 1)
    store.findings.review(first.id, 0, Judgement(ReviewState.CONFIRMED), key)
    graver = flag(severity="critical")
    rest = store.queue.page(FindingFilter(states=[ReviewState.OPEN]), Sort.GRAVEST, place_of(page[0]), 9)
    assert (ids(page), ids(rest)) == ([first.id], [second.id, third.id])
    assert ids(store.queue.page(FindingFilter(), Sort.GRAVEST, None, 1)) == [graver.id]


def test_filters_narrow_and_combine(store: Store, flag: Flag, talents: list[str], key: str) -> None:
    acme, other, south = (
        flag(0),
        flag(1, client=None, severity="low"),
        flag(2, client="South Shop", verdict="revoked"),
    )
    store.findings.review(other.id, 0, Judgement(ReviewState.ESCALATED), key)

    def found(**wanted: object) -> list[str]:
        return ids(store.queue.page(FindingFilter(**wanted), Sort.OLDEST))

    assert found() == [acme.id, other.id, south.id]
    assert found(states=[ReviewState.ESCALATED]) == [other.id]
    assert found(client=" ACME") == [acme.id]
    assert found(severities=["low", "high"], verdicts=["revoked"]) == [south.id]
    assert found(talent_id=talents[1]) == [other.id]
    assert found(since=other.created_at, until=south.created_at) == [other.id]
    assert found(sha256=acme.sha256) == [acme.id, other.id, south.id]
    assert found(sha256="0" * 64) == found(scan_id="scn_x") == found(client="") == []


def test_a_key_sees_its_clients_findings_and_its_agencys_talents_only(store: Store, flag: Flag) -> None:
    acme, nobodys, south, both = flag(0, 1), flag(0, client=None), flag(2, client="Other"), flag(0, 2)

    def seen(**limits: str) -> list[str]:
        queue = store.queue.seen_by(Principal("key", "n", Role.REVIEWER, **limits))
        found = ids(queue.page(FindingFilter(), Sort.OLDEST))
        assert [one for one in (acme.id, nobodys.id, south.id, both.id) if queue.sees(one)] == found
        assert sum(queue.counts().values()) == len(found)
        return found

    assert seen() == [acme.id, nobodys.id, south.id, both.id]
    assert seen(client="ACME ") == [acme.id, both.id]
    assert seen(agency="NORTH") == [acme.id, nobodys.id]
    assert seen(client="Acme", agency="South") == []
    limited = store.queue.seen_by(Principal("key", "n", Role.SCANNER, client="Acme"))
    assert ids(limited.page(FindingFilter(client="Other"))) == []
    assert not limited.sees("fnd_none")


def test_counts_weeks_and_ages_are_those_of_the_findings(
    store: Store, flag: Flag, clock: SetClock, key: str
) -> None:
    flag(severity="low")
    clock.now += timedelta(days=7)
    kept = flag(client=None)
    flag()
    store.findings.review(kept.id, 0, Judgement(ReviewState.WRONG_PERSON), key)
    again = flag(client=None)
    assert again.state is ReviewState.SUPPRESSED
    assert store.queue.counts() == {
        (ReviewState.OPEN, "low"): 1,
        (ReviewState.OPEN, "high"): 1,
        (ReviewState.WRONG_PERSON, "high"): 1,
        (ReviewState.SUPPRESSED, "high"): 1,
    }
    weeks = store.queue.weekly(datetime(2026, 1, 1, tzinfo=UTC))
    # 1 March 2026 was a Sunday
    assert [(week.monday, week.client, week.findings) for week in weeks] == [
        (date(2026, 2, 23), "Acme", 1),
        (date(2026, 3, 2), None, 1),
        (date(2026, 3, 2), "Acme", 1),
    ]
    assert store.queue.ages(clock.now + timedelta(days=1)) == {1: 0, 7: 1, 30: 1, None: 0}
    assert store.queue.ages(clock.now + timedelta(days=30)) == {1: 0, 7: 0, 30: 0, None: 2}


@pytest.mark.parametrize(
    "place", [(), (1, "yesterday", "fnd_1"), (1, "2026-03-01T00:00:00+00:00"), ("x", 1, 2, 3)]
)
def test_a_place_that_is_none_is_refused(store: Store, place: tuple[object, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        store.queue.page(FindingFilter(), Sort.GRAVEST, place)
    assert caught.value.code == "bad_cursor"
