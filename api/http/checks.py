"""Checks of one serving process: the pool before the networks, addresses to fetch, and flagged rows to keep.

picture or signals ─▶ pool ─▶ row ─ flagged? ─▶ store.findings ─▶ answer
address ─▶ fetcher (a few at once) ─▶ picture
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from api.checking import Check, Checker, kind_of
from api.composition import Application
from api.http.pool import Pool, PoolPlan
from api.web import picture_fetcher
from data.sources.web import Fetched
from data.store.findings import NewFinding
from detector.access import Principal
from detector.errors import InputError, Overloaded, TooLarge
from detector.finding import Row
from detector.naming import is_flagged
from detector.pipeline import Submission
from detector.visibility import row_for

FETCHING = 16
"""Addresses that are fetched at once; as many again may wait."""

_AGAIN = 3
"""How often a check is made whose talents are erased while it is made."""


@dataclass(frozen=True, slots=True, eq=False)
class CheckAnswer:
    """The row as the caller may read it, and the id of the finding where one is kept."""

    row: Row = field(repr=False)
    finding_id: str | None


class Checks:
    """Threads and calls share it. Nothing is loaded before the first check."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._made: Pool[Check, Row] | None = None
        self._fetching = CapacityLimiter(FETCHING)
        self._fetcher = picture_fetcher(application.settings)

    @property
    def waiting(self) -> int:
        """Checks that no worker has taken yet."""
        return self._made.waiting if self._made else 0

    def close(self) -> None:
        """Answer what waits, and stop."""
        with self._lock:
            if self._made is not None:
                self._made.close()

    def require_room(self) -> None:
        """Raise Overloaded when a check would be refused: before its picture is taken in."""
        self._pool().require_room()

    async def answer(self, check: Check, caller: Principal) -> CheckAnswer:
        """Check, keep what is flagged, and answer. Raises Overloaded, InputError for a picture that can't be checked."""
        for _ in range(_AGAIN):
            row = await asyncio.wrap_future(self._pool().submit(check, check.size))
            answer = (
                await run_sync(self._settled, check, row, caller) if is_flagged(row) else _clean(row, caller)
            )
            if answer is not None:
                return answer
        raise _erased_meanwhile()

    def answer_here(self, check: Check, caller: Principal) -> CheckAnswer:
        """The same for a thread that may wait."""
        for _ in range(_AGAIN):
            row = self._pool().submit(check, check.size).result()
            answer = self._settled(check, row, caller) if is_flagged(row) else _clean(row, caller)
            if answer is not None:
                return answer
        raise _erased_meanwhile()

    async def fetch(self, address: str) -> Fetched:
        """The picture at an address. Raises UnfetchableInput; Overloaded when too many are being fetched."""
        if self._fetching.statistics().tasks_waiting >= FETCHING:
            raise Overloaded("too many addresses are being fetched; try again in a moment", retry_after=2)
        return await run_sync(self._fetcher.fetch, address, limiter=self._fetching)

    def _pool(self) -> Pool[Check, Row]:
        with self._lock:
            if self._made is None:
                self._made = self._new_pool()
            return self._made

    def _new_pool(self) -> Pool[Check, Row]:
        application = self._application
        checker = Checker(
            application.detector(),
            lambda talents: application.store.talents.refs(sorted(talents)),
            application.clock,
        )
        settings = application.settings
        plan = PoolPlan(application.threads, settings.batch_size, settings.check_queue)
        return Pool(checker.rows, plan, kind_of)

    def _settled(self, check: Check, row: Row, caller: Principal) -> CheckAnswer | None:
        """A flagged row, kept. None when all whom it names were erased since: then it must be made anew."""
        data = check.picture.data if isinstance(check.picture, Submission) else None
        picture = data if isinstance(data, bytes) else None
        kept_row = row if check.fetched is None else {**row, "fetched": check.fetched}
        new = NewFinding(kept_row, caller.key_id, caller.client, picture=picture)
        kept = self._application.store.findings.add(new)
        if kept is None:
            return None
        return CheckAnswer(row_for(caller, row), kept.id)


def _clean(row: Row, caller: Principal) -> CheckAnswer:
    """A row that nobody needs to look at. Raises what it says went wrong with the picture."""
    if row["error"] is None:
        return CheckAnswer(row_for(caller, row), None)
    detail, code = row["error"]["detail"], row["error"]["code"]
    raise (TooLarge if code == "too_large" else InputError)(detail, code=code)


def _erased_meanwhile() -> Overloaded:
    return Overloaded("the talents in this picture are being erased; try again")
