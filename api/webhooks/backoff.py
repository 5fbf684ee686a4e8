"""When a message is tried again. Pure; chance and time are handed in.

    attempt 1 failed ─▶ 5 s ─▶ 30 s ─▶ 2 min ─▶ 10 min ─▶ 1 h ─▶ 3 h ─▶ 6 h ─▶ 12 h ─▶ 24 h ─▶ dead

Each wait is stretched by chance, by up to a fifth, so that what failed together doesn't come back together. A receiver
that says `Retry-After` is left alone at least that long, a day at the most.
"""

from __future__ import annotations

from datetime import datetime, timedelta

WAITS = (5, 30, 120, 600, 3600, 10800, 21600, 43200, 86400)
"""Seconds after each failed attempt; about two days together."""

ATTEMPTS = len(WAITS) + 1
STRETCH = 0.2
LONGEST = timedelta(days=1)


def next_attempt(
    attempt: int, now: datetime, chance: float, retry_after: timedelta | None
) -> datetime | None:
    """When to try after the `attempt`-th failed, counting from 1; None: no more. `chance` lies in [0, 1)."""
    if attempt >= ATTEMPTS:
        return None
    wait = timedelta(seconds=WAITS[attempt - 1] * (1 + STRETCH * chance))
    return now + max(wait, min(retry_after or timedelta(0), LONGEST))


def seconds_in(retry_after: str | None) -> timedelta | None:
    """What a `Retry-After` header asks for, where it counts seconds; dates and nonsense ask for nothing."""
    text = (retry_after or "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        return None
    return timedelta(seconds=int(text))
