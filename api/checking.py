"""Single checks, several at a time: what concurrent calls have under check goes through the detector in one batch.

    Check(picture or its signals, moment) ─ those alike in kind and moment ─▶ detect, or judge ─▶ rows

A check without a moment speaks of the moment at which its batch begins.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from api.scanning import Detects, RefsOf, rows_of
from detector.access import same_name
from detector.errors import Forbidden, InputError
from detector.finding import Finding, Row
from detector.pipeline import Sighting, Submission
from detector.use import Use


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """One thing under check. `at`: the moment that the verdict speaks of; None: now. `fetched`: where on the web it
    was had, and how it was answered; kept with a finding."""

    picture: Submission | Sighting
    at: datetime | None = None
    fetched: Row | None = None

    @property
    def size(self) -> int:
        """Bytes that it holds, about."""
        data = self.picture.data if isinstance(self.picture, Submission) else b""
        return 0 if isinstance(data, InputError) else len(data)


class DetectsAndJudges(Detects, Protocol):
    """What a checker asks of the detector; `detector.pipeline.Detector` is it."""

    def judge(self, batch: Sequence[Sighting], at: datetime) -> list[Finding]: ...


def kind_of(check: Check) -> Hashable:
    """Checks with the same answer may go through the detector together."""
    return type(check.picture), check.at


class Checker:
    """Makes the rows of checks. Threads share it."""

    def __init__(self, detector: DetectsAndJudges, refs: RefsOf, clock: Callable[[], datetime]) -> None:
        self._detector = detector
        self._refs = refs
        self._clock = clock

    def rows(self, batch: Sequence[Check]) -> list[Row]:
        """One row per check, in order. All are of one kind (`kind_of`). Raises as the detector."""
        at = batch[0].at or self._clock()
        submitted = [check.picture for check in batch if isinstance(check.picture, Submission)]
        seen = [check.picture for check in batch if isinstance(check.picture, Sighting)]
        findings = self._detector.detect(submitted, at) if submitted else self._detector.judge(seen, at)
        return rows_of(findings, self._refs)


def claimed_by(use: Use, client: str | None) -> Use:
    """The use as whoever works for one client may claim it: that client's, and no other's. Raises Forbidden.

    Otherwise one client could ask what another was granted."""
    if client is None or (use.client is not None and same_name(use.client, client)):
        return use
    if use.client is None:
        return replace(use, client=client)
    raise Forbidden(f"this key checks uses of {client} alone")
