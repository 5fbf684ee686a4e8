"""Delivers what is due: new events to their webhooks, messages to their receivers, what came of it to the store.

    deliver_due() ─ fan_out ─▶ claim ─▶ sign ─▶ POST through the one door to the web ─▶ settle

2xx: delivered. 410: the receiver wants no more, the webhook is disabled. Anything else, also a redirect (it could lead
anywhere): tried again later, in the end dead. Of an answer nothing is kept but its status; of a failure a sentence that
names no address beyond the receiver's host.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from api.webhooks.backoff import next_attempt, seconds_in
from api.webhooks.message import body_of, headers_of
from data.outgoing import Answer, Call, Web, readable_url
from data.store import Store
from data.store.outbox import Delivered, Due, Failed
from detector.errors import LookalikeError, NotFound, UnfetchableInput, UsageError

log = logging.getLogger("lookalike.webhooks")

AT_ONCE, BATCH = 8, 24
"""Messages under way at once, and taken together: three times `SECONDS` are well within a lease."""

SECONDS = 20.0
"""A receiver has so long to answer, at the most."""

ANSWER_BYTES = 64 * 1024
GONE = 410


@dataclass(frozen=True, slots=True)
class Round:
    """What one `deliver_due` did."""

    fanned_out: int = 0
    delivered: int = 0
    failed: int = 0


class Courier:
    """Sends messages. `chance` gives numbers in [0, 1) to spread repetitions."""

    def __init__(self, store: Store, web: Web, chance: Callable[[], float] = random.random) -> None:
        self._store = store
        self._web = web
        self._chance = chance

    def deliver_due(self) -> Round:
        """Send what is due now; several workers may do so at once. Raises StoreError."""
        fanned_out = self._store.outbox.fan_out()
        due = self._store.outbox.claim(BATCH)
        if not due:
            return Round(fanned_out)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as pool:
            delivered = sum(pool.map(self._deliver, due))
        return Round(fanned_out, delivered, len(due) - delivered)

    def _deliver(self, due: Due) -> bool:
        came_to = self._sent(due)
        self._store.outbox.settle(due, came_to)
        if isinstance(came_to, Failed):
            log.warning("webhook %s: %s (attempt %d)", due.webhook_id, came_to.error, due.attempt)
        return isinstance(came_to, Delivered)

    def _sent(self, due: Due) -> Delivered | Failed:
        now = self._store.now()
        try:
            return self._judged(due, self._exchanged(due, now), now)
        except NotFound:
            return Failed("the webhook was deleted")
        except LookalikeError as error:
            return Failed(error.detail, None, self._again(due, now, None))

    def _exchanged(self, due: Due, now: datetime) -> Answer:
        body = body_of(due)
        headers = headers_of(due, body, self._store.webhooks.secrets_of(due.webhook_id, now), now)
        call = Call(readable_url(due.url), "POST", headers, body)
        return self._web.exchange(call, self._web.deadline(), ANSWER_BYTES)

    def _judged(self, due: Due, answer: Answer, now: datetime) -> Delivered | Failed:
        if 200 <= answer.status < 300:
            return Delivered(answer.status)
        error = f"the receiver answered {answer.status}"
        if answer.status == GONE:
            return Failed(error, answer.status, gone=True)
        return Failed(error, answer.status, self._again(due, now, answer.headers.get("retry-after")))

    def _again(self, due: Due, now: datetime, retry_after: str | None) -> datetime | None:
        return next_attempt(due.attempt, now, self._chance(), seconds_in(retry_after))


def require_receiver(url: str, *, plain_http: bool = False) -> str:
    """The address of a receiver, if messages may be sent there at all; whether its host may be asked shows when a
    message is sent. Raises UsageError."""
    try:
        found = readable_url(url)
    except UnfetchableInput as error:
        raise UsageError(f"webhooks can't be sent there: {error.detail}", code="bad_url") from error
    if found.scheme != "https" and not plain_http:
        raise UsageError(
            "webhooks are sent to https:// addresses only (setting webhook_http)", code="bad_url"
        )
    if found.fragment:
        raise UsageError("the address has a part behind #, which is never sent; leave it out", code="bad_url")
    return str(found)
