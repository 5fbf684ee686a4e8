"""Enrolment in a service: pictures of many callers, one turn after the other.

    caller ─ a turn, or Overloaded at once ─▶ Enroller or RosterImport, as on the command line ─▶ results

Enrolment judges each picture against all others on record, so one process enrols one call at a time. Few wait; whoever
comes when the line is full is told so at once, and nobody holds a thread of the service for long.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from api.agency import AgencyView
from api.composition import Application, KeptReferences
from api.importing import ImportResult, RosterImport
from api.roster import RosterRow
from data.store import Talent
from detector.errors import Overloaded
from detector.signals import Box
from indexer.enrolment import EnrolmentRequest, EnrolmentResult

WAITING = 4
PATIENCE = 30.0
"""Seconds that a caller waits for its turn."""


class Turns:
    """One at a time, few waiting."""

    def __init__(self, waiting: int = WAITING, patience: float = PATIENCE) -> None:
        self._line = threading.BoundedSemaphore(waiting + 1)
        self._turn = threading.Lock()
        self._patience = patience

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises Overloaded when the line is full, or doesn't move."""
        if not self._line.acquire(blocking=False):
            raise _busy()
        try:
            if not self._turn.acquire(timeout=self._patience):
                raise _busy()
            try:
                yield
            finally:
                self._turn.release()
        finally:
            self._line.release()


@dataclass(frozen=True, slots=True)
class Portrait:
    """A picture that is to become a reference. `box`: which face is meant, in pixels; `confirmed`: a person has looked,
    overridable objections are not to stop it."""

    name: str
    read: Callable[[], bytes]
    box: Box | None = None
    confirmed: bool = False


class Enrolling:
    """Enrols for the callers of a service. Threads share it."""

    def __init__(self, application: Application, turns: Turns | None = None) -> None:
        self._application = application
        self._turns = turns or Turns()

    def portrait(self, view: AgencyView, talent: Talent, portrait: Portrait) -> EnrolmentResult:
        """One picture of a talent. Raises Overloaded, and as `Application.enroller`."""
        with self._turns.turn():
            enroller = self._application.enroller_keeping(
                KeptReferences(self._application.store), view.name_of
            )
            request = EnrolmentRequest(
                talent.id,
                talent.ref,
                portrait.name,
                portrait.read,
                self._application.registration.release_of(talent),
                portrait.box,
                portrait.confirmed,
            )
            (result,) = enroller.enrol([request], self._application.clock())
        return result

    def roster(self, view: AgencyView, rows: list[RosterRow]) -> list[ImportResult]:
        """The rows of a roster, one result each. What a row writes stays, whatever becomes of the rows after it."""
        application = self._application
        with self._turns.turn():
            keeping = partial(application.enroller_keeping, name_of=view.name_of)
            importing = RosterImport(application.store, application.registration, keeping, view.agency)
            return list(importing.run(rows, application.clock()))


def _busy() -> Overloaded:
    return Overloaded("others are enrolling pictures; try again in a few seconds", retry_after=5)
