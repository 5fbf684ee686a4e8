"""What a worker does for webhooks every few seconds: deliver, and now and then look which consents end soon.

Each is the same whether one worker does it or two at once: the store settles who does what.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from api.composition import Application
from api.jobs.jobs import Chore
from api.web import outgoing_web
from api.webhooks.courier import SECONDS, Courier

NOW_AND_THEN = timedelta(hours=1)


def chores_of(application: Application) -> Sequence[Chore]:
    """The chores of one installation."""
    store, settings = application.store, application.settings
    courier = Courier(store, outgoing_web(settings, SECONDS))
    notices = Rarely(lambda: store.notices.announce_expiring(settings.consent_notice_days), application.clock)
    pruning = Rarely(store.outbox.prune, application.clock)
    return (
        Chore("announce_expiring", notices),
        Chore("deliver_webhooks", courier.deliver_due),
        Chore("prune_outbox", pruning),
    )


class Rarely:
    """Does something at the first call, and then once in a while, however often it is called. A failure is tried again
    at the next call."""

    def __init__(self, act: Callable[[], object], clock: Callable[[], datetime]) -> None:
        self._act = act
        self._clock = clock
        self._done_at: datetime | None = None

    def __call__(self) -> None:
        now = self._clock()
        if self._done_at is None or now - self._done_at >= NOW_AND_THEN:
            self._act()
            self._done_at = now
