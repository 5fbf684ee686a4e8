"""When a message is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.webhooks.backoff import ATTEMPTS, LONGEST, STRETCH, WAITS, next_attempt, seconds_in

NOW = datetime(2026, 3, 1, tzinfo=UTC)
chances = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, ATTEMPTS + 5), chances, st.none() | st.timedeltas(timedelta(0), timedelta(days=400)))
def test_waits_grow_are_spread_and_heed_the_receiver(
    attempt: int, chance: float, asked: timedelta | None
) -> None:
    again = next_attempt(attempt, NOW, chance, asked)
    if attempt >= ATTEMPTS:
        assert again is None
        return
    assert again is not None
    wait = again - NOW
    shortest = timedelta(seconds=WAITS[attempt - 1])
    assert shortest <= wait <= max(shortest * (1 + STRETCH), LONGEST)
    if asked is not None and asked <= LONGEST:
        assert wait >= asked


def test_without_chance_or_wishes_the_waits_are_the_listed_ones() -> None:
    assert [next_attempt(n, NOW, 0, None) for n in range(1, ATTEMPTS)] == [
        NOW + timedelta(seconds=wait) for wait in WAITS
    ]
    assert sorted(WAITS) == list(WAITS)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("-1", None),
        ("", None),
        (None, None),
        ("1e9", None),
        ("9" * 40, None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("²", None),
    ],
)
def test_of_retry_after_whole_seconds_count(header: str | None, seconds: int | None) -> None:
    assert seconds_in(header) == (None if seconds is None else timedelta(seconds=seconds))
