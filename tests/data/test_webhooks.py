"""Webhooks and the outbox in the store: who subscribes, who is told, and what becomes of each message."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from data.store import Store
from data.store.findings import NewFinding
from data.store.keys import NewKey
from data.store.outbox import KEPT, LEASE, Delivered, DeliveryState, Failed
from data.store.webhooks import MOST, Webhook, WebhookChange
from data.vault import Vault, ring_of
from detector.access import Principal, Role
from detector.errors import Conflict, Forbidden, NotFound
from detector.events import EventType
from detector.record import parse_record
from tests.data.conftest import SetClock
from tests.flagged import face, row

_E = EventType
URL = "https://receiver.example/hooks"
Caller = Callable[..., Principal]


@pytest.fixture
def caller(store: Store) -> Caller:
    def made(role: Role = Role.MONITOR, **limits: object) -> Principal:
        return store.keys.create(NewKey(role, "system", **limits))[0].principal

    return made


@pytest.fixture
def ada(store: Store) -> str:
    return store.talents.add("AG-1", "Ada", agency="North").id


@pytest.fixture
def happen(store: Store, caller: Caller, ada: str) -> Callable[..., None]:
    """Something flagged is found, for a client."""
    key = caller()

    def found(client: str | None = "Acme") -> None:
        assert store.findings.add(NewFinding(row(face(ada)), key.key_id, client)) is not None

    return found


def subscribed(store: Store, who: Principal, *events: EventType) -> Webhook:
    return store.webhooks.create(who, URL, events or (_E.FINDING_CREATED,))[0]


def release(
    talent_id: str, consent_id: str = "con_1", client: str | None = None, **changes: object
) -> dict[str, object]:
    grantee = {"grantee": {"client": client}} if client else {}
    return {
        "kind": "photo_use" if client else "biometric_enrolment",
        "consent_id": consent_id,
        "talent_id": talent_id,
        "grantor": {"role": "self"},
        "form": {"signed_at": "2026-01-01"},
        **grantee,
        **changes,
    }


def states(store: Store, hook: Webhook) -> list[tuple[str, int]]:
    return [(one.state, one.attempts) for one in store.outbox.deliveries(hook.id)]


def test_a_secret_is_shown_once_and_lies_sealed(store_url: str, clock: SetClock) -> None:
    vault = Vault(lambda: ring_of([b"k" * 32]))
    with Store.open(store_url, clock=clock, vault=vault) as store:
        who = store.keys.create(NewKey(Role.MONITOR, "system"))[0].principal
        hook, secret = store.webhooks.create(who, URL, [_E.FINDING_CREATED, _E.FINDING_CREATED])
        assert secret.startswith("whsec_")
        assert hook.events == (_E.FINDING_CREATED,)
        assert secret not in repr((hook, store.webhooks.list(who), store.audit.list()))
        assert store.webhooks.secrets_of(hook.id, clock()) == [secret]
        everything = b"".join(
            file.read_bytes()
            for file in Path(store_url.removeprefix("sqlite:///")).parent.rglob("*")
            if file.is_file()
        )
        assert secret.encode() not in everything


def test_after_a_rotation_both_secrets_sign_for_a_while(
    store: Store, caller: Caller, clock: SetClock
) -> None:
    who = caller()
    hook, first = store.webhooks.create(who, URL, [_E.FINDING_CREATED])
    rotated, second = store.webhooks.rotate(hook.id, who, timedelta(hours=2))
    assert store.webhooks.secrets_of(hook.id, clock()) == [second, first]
    assert rotated.previous_until is not None
    assert store.webhooks.secrets_of(hook.id, rotated.previous_until) == [second]
    _, third = store.webhooks.rotate(hook.id, who, timedelta(0))
    assert store.webhooks.secrets_of(hook.id, clock()) == [third]


def test_only_keys_alike_see_change_and_end_a_webhook(store: Store, caller: Caller) -> None:
    mine = caller(Role.SCANNER, client="Acme")
    alike, other = caller(Role.SCANNER, client=" ACME"), caller(Role.SCANNER, client="Other")
    admin = caller(Role.ADMIN)
    hook = subscribed(store, mine)
    assert [store.webhooks.list(who) for who in (alike, admin, other)] == [[hook], [hook], []]
    for act in (
        lambda: store.webhooks.get(hook.id, other),
        lambda: store.webhooks.update(hook.id, WebhookChange(url="https://evil.example"), other),
        lambda: store.webhooks.rotate(hook.id, other),
        lambda: store.webhooks.delete(hook.id, other),
    ):
        with pytest.raises(NotFound):
            act()
    assert store.webhooks.get(hook.id, alike) == hook
    with pytest.raises(Forbidden):
        store.webhooks.update(hook.id, WebhookChange(events=(_E.CONSENT_REVOKED,)), admin)
    changed = store.webhooks.update(hook.id, WebhookChange(enabled=False), admin)
    assert (changed.key_id, changed.disabled_reason) == (mine.key_id, "by_hand")
    taken_over = store.webhooks.update(hook.id, WebhookChange(enabled=True, url=URL + "/2"), alike)
    assert (taken_over.key_id, taken_over.disabled_at, taken_over.url) == (alike.key_id, None, URL + "/2")
    store.webhooks.delete(hook.id, alike)
    assert store.webhooks.list(admin) == []
    with pytest.raises(NotFound):
        store.webhooks.secrets_of(hook.id, store.now())


def test_a_key_has_so_many_webhooks_at_most(store: Store, caller: Caller) -> None:
    who = caller()
    for _ in range(MOST):
        subscribed(store, who)
    with pytest.raises(Conflict) as caught:
        subscribed(store, who)
    assert caught.value.code == "too_many_webhooks"


def test_each_is_told_of_its_own_and_of_nothing_else(
    store: Store, caller: Caller, happen: Callable[..., None], ada: str
) -> None:
    acme, other = caller(Role.SCANNER, client="Acme"), caller(Role.SCANNER, client="Other")
    north, south = caller(Role.REGISTRAR, agency="north"), caller(Role.REGISTRAR, agency="South")
    monitor = caller()
    findings = {who.key_id: subscribed(store, who) for who in (acme, other)}
    consents = {who.key_id: subscribed(store, who, _E.CONSENT_REVOKED) for who in (north, south)}
    all_of_it = subscribed(store, monitor, *EventType)
    happen("ACME")
    happen(None)
    store.consents.add(parse_record(release(ada)))
    store.consents.revoke("con_1")
    assert store.outbox.fan_out() == 1 + 1 + 3
    assert store.outbox.fan_out() == 0
    told = {hook.id: len(states(store, hook)) for hook in (*findings.values(), *consents.values(), all_of_it)}
    assert list(told.values()) == [1, 0, 1, 0, 3]


def test_who_subscribes_later_is_not_told_of_earlier_things(
    store: Store, caller: Caller, happen: Callable[..., None]
) -> None:
    happen()
    hook = subscribed(store, caller())
    assert store.outbox.fan_out() == 0
    happen()
    assert store.outbox.fan_out() == 1
    assert states(store, hook) == [("pending", 0)]


def test_a_message_is_leased_tried_again_delivered(
    store: Store, caller: Caller, happen: Callable[..., None], clock: SetClock
) -> None:
    hook = subscribed(store, caller())
    happen()
    store.outbox.fan_out()
    [due] = store.outbox.claim(10)
    assert (due.attempt, due.kind, due.url) == (1, _E.FINDING_CREATED, URL)
    assert due.payload["verdict"] == "no_consent"
    assert store.outbox.claim(10) == []
    later = clock() + timedelta(minutes=5)
    store.outbox.settle(due, Failed("answered 500", 500, again_at=later))
    assert store.outbox.claim(10) == []
    clock.now = later
    [again] = store.outbox.claim(10)
    assert (again.attempt, again.event_id) == (2, due.event_id)
    store.outbox.settle(again, Delivered(204))
    [delivery] = store.outbox.deliveries(hook.id)
    assert (delivery.state, delivery.last_status, delivery.last_error) == (DeliveryState.DELIVERED, 204, None)
    assert store.outbox.counts() == {"pending": 0, "delivered": 1, "dead": 0}


def test_what_a_dead_worker_leased_is_taken_over_and_its_late_word_counts_no_more(
    store: Store, caller: Caller, happen: Callable[..., None], clock: SetClock
) -> None:
    hook = subscribed(store, caller())
    happen()
    store.outbox.fan_out()
    [lost] = store.outbox.claim(10)
    clock.now += LEASE
    [taken] = store.outbox.claim(10)
    assert (taken.delivery_id, taken.attempt) == (lost.delivery_id, 2)
    store.outbox.settle(lost, Failed("too late"))
    assert states(store, hook) == [("pending", 2)]
    store.outbox.settle(taken, Delivered(200))
    assert states(store, hook) == [("delivered", 2)]


def test_workers_at_once_share_the_messages(
    store: Store, caller: Caller, happen: Callable[..., None]
) -> None:
    subscribed(store, caller())
    for _ in range(12):
        happen()
    with ThreadPoolExecutor(4) as pool:
        made = sum(pool.map(lambda _: store.outbox.fan_out(), range(4)))
        claimed = [due for dues in pool.map(lambda _: store.outbox.claim(5), range(4)) for due in dues]
    assert made == 12
    assert len({due.delivery_id for due in claimed}) == len(claimed) == 12


def test_a_dead_message_can_be_sent_again(store: Store, caller: Caller, happen: Callable[..., None]) -> None:
    who = caller()
    hook = subscribed(store, who)
    happen()
    store.outbox.fan_out()
    [due] = store.outbox.claim(10)
    with pytest.raises(Conflict):
        store.outbox.send_again(hook.id, due.delivery_id, who)
    store.outbox.settle(due, Failed("answered 400", 400))
    [dead] = store.outbox.deliveries(hook.id, [DeliveryState.DEAD])
    with pytest.raises(NotFound):
        store.outbox.send_again("whk_other", dead.id, who)
    assert store.outbox.send_again(hook.id, dead.id, who).attempts == 0
    [again] = store.outbox.claim(10)
    assert (again.event_id, again.attempt) == (due.event_id, 1)
    assert [event.action for event in store.audit.list(subject=dead.id)] == ["delivery.repeated"]


def test_gone_disables_the_webhook_and_what_waits_is_given_up(
    store: Store, caller: Caller, happen: Callable[..., None]
) -> None:
    who = caller()
    hook = subscribed(store, who)
    happen()
    happen()
    store.outbox.fan_out()
    [due] = store.outbox.claim(1)
    store.outbox.settle(due, Failed("answered 410: gone", 410, gone=True))
    assert store.webhooks.get(hook.id, who).disabled_reason == "gone"
    assert store.outbox.claim(10) == []
    assert [state for state, _ in states(store, hook)] == ["dead", "dead"]
    happen()
    assert store.outbox.fan_out() == 0
    [event] = [event for event in store.audit.list(subject=hook.id) if event.action == "webhook.disabled"]
    assert event.details == {"reason": "gone"}


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_key_that_ended_is_told_nothing_more(
    store: Store, clock: SetClock, happen: Callable[..., None], how: str
) -> None:
    ends = clock() + timedelta(hours=1)
    key = store.keys.create(NewKey(Role.MONITOR, "system", expires_at=ends))[0]
    hook = subscribed(store, key.principal)
    happen()
    store.outbox.fan_out()
    if how == "revoked":
        store.keys.revoke(key.id)
    else:
        clock.now = ends
    assert store.outbox.claim(10) == []
    happen()
    assert store.outbox.fan_out() == 0
    assert states(store, hook) == [("dead", 0)]


def test_old_events_are_forgotten_with_their_deliveries(
    store: Store, caller: Caller, happen: Callable[..., None], clock: SetClock
) -> None:
    hook = subscribed(store, caller())
    happen()
    assert store.outbox.prune() == 0
    store.outbox.fan_out()
    clock.now += KEPT
    happen()
    store.outbox.fan_out()
    assert store.outbox.prune() == 1
    assert len(states(store, hook)) == 1


def test_a_list_of_deliveries_goes_on_page_by_page(
    store: Store, caller: Caller, happen: Callable[..., None]
) -> None:
    hook = subscribed(store, caller())
    for _ in range(5):
        happen()
    store.outbox.fan_out()
    seen: list[str] = []
    while page := store.outbox.deliveries(hook.id, (), seen[-1] if seen else None, 2):
        seen += [one.id for one in page]
    assert seen == [one.id for one in store.outbox.deliveries(hook.id)]
    assert len(set(seen)) == 5


@pytest.fixture
def told(store: Store, caller: Caller) -> Callable[[], list[tuple[str, int | None]]]:
    """What was told of consents since the last look: kind, and the days of a notice."""
    subscribed(store, caller(), _E.CONSENT_EXPIRING, _E.CONSENT_REVOKED)

    def look() -> list[tuple[str, int | None]]:
        store.outbox.fan_out()
        dues = store.outbox.claim(100)
        for due in dues:
            store.outbox.settle(due, Delivered(204))
        return [(due.kind, due.payload.get("days")) for due in dues]

    return look


def test_a_consent_that_ends_is_announced_once_for_each_notice(
    store: Store, clock: SetClock, ada: str, told: Callable[[], list[tuple[str, int | None]]]
) -> None:
    duration = {"valid_from": "2026-01-01", "valid_to": "2026-05-01", "timezone": "UTC"}
    store.consents.add(parse_record(release(ada, client="Acme", duration=duration)))
    assert store.notices.announce_expiring() == 0
    for days_before, expected in ((29, [30]), (29, []), (8, []), (6, [7]), (0.5, [1]), (-1, [])):
        end = parse_record(release(ada, client="Acme", duration=duration)).ends_at
        assert end is not None
        clock.now = end - timedelta(days=days_before)
        assert store.notices.announce_expiring() == len(expected)
        assert told() == [("consent.expiring", days) for days in expected]
    assert [event.details for event in store.audit.list(subject="consents")] == [{"consents": 1}] * 3


def test_a_new_version_is_announced_anew_and_drafts_revoked_and_erased_ones_never(
    store: Store, clock: SetClock, ada: str, told: Callable[[], list[tuple[str, int | None]]]
) -> None:
    soon = {
        "valid_from": "2026-01-01",
        "valid_to": (clock() + timedelta(days=3)).date().isoformat(),
        "timezone": "UTC",
    }
    later = {
        "valid_from": "2026-01-01",
        "valid_to": (clock() + timedelta(days=5)).date().isoformat(),
        "timezone": "UTC",
    }
    store.consents.add(parse_record(release(ada, client="Acme", duration=soon)))
    assert store.notices.announce_expiring() == 1
    store.consents.add(parse_record(release(ada, client="Acme", duration=later, version=2)))
    assert store.notices.announce_expiring() == 1
    assert told() == [("consent.expiring", 7)] * 2
    store.consents.add(parse_record(release(ada, "con_draft", "Acme", duration=soon, form={})))
    store.consents.add(parse_record(release(ada, "con_revoked", "Acme", duration=soon)))
    store.consents.revoke("con_revoked")
    assert store.notices.announce_expiring() == 0
    assert told() == [("consent.revoked", None)]
    store.consents.add(parse_record(release(ada, "con_erased", "Acme", duration=soon)))
    store.talents.erase(ada)
    assert store.notices.announce_expiring() == 0


def test_a_revocation_is_told_once_however_it_comes(
    store: Store, ada: str, told: Callable[[], list[tuple[str, int | None]]]
) -> None:
    life = {"revoked_at": "2026-02-01", "effective_at": "2026-02-01", "revocation_reason": "Ada's own words"}
    store.consents.add(parse_record(release(ada)))
    assert told() == []
    store.consents.add(parse_record(release(ada, version=2, life=life)))
    store.consents.add(parse_record(release(ada, version=3, life=life)))
    store.consents.add(parse_record(release(ada, "con_2", life=life)))
    assert told() == [("consent.revoked", None)] * 2
