"""What a worker does for webhooks, over a real installation: its settings decide where messages may go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from api.composition import Application, Parts
from api.jobs.building import jobs_of
from api.webhooks.chores import NOW_AND_THEN, Rarely, chores_of
from data.store.findings import NewFinding
from data.store.keys import NewKey
from detector.access import Role
from detector.events import EventType
from detector.record import parse_record
from tests.api.colours import Installation
from tests.api.webhooks.conftest import Receiver
from tests.flagged import face, row


def happened(application: Application, receiver: Receiver) -> None:
    """Something is found, a consent ends soon, and the receiver wants to know."""
    store = application.store
    owner = store.keys.create(NewKey(Role.MONITOR, "system"))[0].principal
    store.webhooks.create(owner, receiver.address, list(EventType))
    ada = store.talents.add("AG-1", "Ada").id
    assert store.findings.add(NewFinding(row(face(ada)), owner.key_id)) is not None
    ends = (application.clock() + timedelta(days=12)).date().isoformat()
    consent = {
        "kind": "photo_use",
        "consent_id": "con_1",
        "talent_id": ada,
        "grantor": {"role": "self"},
        "grantee": {"client": "Acme"},
        "duration": {"valid_from": "2026-01-01", "valid_to": ends, "timezone": "UTC"},
        "form": {"signed_at": "2026-01-01"},
    }
    store.consents.add(parse_record(consent))


@pytest.mark.parametrize(("networks", "told"), [("127.0.0.0/8", 2), ("", 0)])
def test_the_chores_tell_whom_the_settings_let_them(
    here: Installation, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, networks: str, told: int
) -> None:
    monkeypatch.setenv("LOOKALIKE_WEB_NETWORKS", networks)
    monkeypatch.setenv("LOOKALIKE_CONSENT_NOTICE_DAYS", "14, 3")
    with Application(here.configured, Parts(clock=lambda: datetime.now(UTC))) as application:
        happened(application, receiver)
        for chore in chores_of(application):
            chore.run()
        assert len(receiver.got) == told
        assert any('"days":14' in body for _, body in receiver.got) is bool(told)
        assert sum(application.store.outbox.counts().values()) == 2


def test_a_worker_tells_by_itself(
    here: Installation, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_WEB_NETWORKS", "127.0.0.0/8")
    parts = replace(here.parts, clock=lambda: datetime.now(UTC))
    with Application(here.configured, parts) as application:
        happened(application, receiver)
        jobs = jobs_of(application)
        jobs.start()
        try:
            assert receiver.told.wait(60), "no message came"
        finally:
            jobs.close()
    assert "finding.created" in receiver.got[0][1] or "consent.expiring" in receiver.got[0][1]


def test_rarely_is_at_once_then_once_in_a_while_and_again_after_a_failure() -> None:
    now, done, broken = datetime(2026, 3, 1, tzinfo=UTC), [], [True]

    def act() -> None:
        if broken:
            broken.pop()
            raise RuntimeError("once")
        done.append(now)

    rarely: Callable[[], None] = Rarely(act, lambda: now)
    with pytest.raises(RuntimeError):
        rarely()
    rarely()
    now += NOW_AND_THEN - timedelta(seconds=1)
    rarely()
    assert len(done) == 1
    now += timedelta(seconds=1)
    rarely()
    assert len(done) == 2
