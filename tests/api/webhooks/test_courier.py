"""Messages that really travel: a real receiver, the real library that checks their signatures."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Signed
from standardwebhooks import WebhookVerificationError

from api.webhooks.backoff import ATTEMPTS, WAITS
from api.webhooks.courier import Courier, Round, require_receiver
from data.outgoing import Gate, Patience, Web
from data.store import Store
from data.store.findings import NewFinding
from data.store.keys import NewKey
from data.store.outbox import Delivery
from data.store.webhooks import Webhook
from detector.access import Principal, Role
from detector.errors import UsageError
from detector.events import EventType
from tests.api.webhooks.conftest import Receiver
from tests.flagged import face, row


class MovedClock:
    """The real time, moved ahead by hand: receivers check that messages are fresh."""

    ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def store(tmp_path: Path, clock: MovedClock) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.sqlite3'}", clock=clock) as opened:
        yield opened


@pytest.fixture
def owner(store: Store) -> Principal:
    return store.keys.create(NewKey(Role.MONITOR, "system"))[0].principal


@pytest.fixture
def subscribe(store: Store, owner: Principal, receiver: Receiver) -> Callable[..., tuple[Webhook, str]]:
    def made(url: str | None = None) -> tuple[Webhook, str]:
        return store.webhooks.create(owner, url or receiver.address, [EventType.FINDING_CREATED])

    return made


@pytest.fixture
def happen(store: Store, owner: Principal) -> Callable[[], str]:
    ada = store.talents.add("AG-1", "Ada").id

    def found() -> str:
        kept = store.findings.add(NewFinding(row(face(ada)), owner.key_id, "Acme"))
        assert kept is not None
        return kept.id

    return found


@pytest.fixture
def courier(store: Store) -> Courier:
    """Its door lets it through to the loopback, as a setting can."""
    web = Web("lookalike/test", Gate(permits=lambda address: address.is_loopback), Patience(total=5))
    return Courier(store, web, chance=lambda: 0.0)


def only(store: Store, hook: Webhook) -> Delivery:
    [delivery] = store.outbox.deliveries(hook.id)
    return delivery


def test_a_receiver_can_check_what_it_was_sent(
    receiver: Receiver, subscribe: Callable, happen: Callable, courier: Courier
) -> None:
    _hook, secret = subscribe()
    finding_id = happen()
    assert courier.deliver_due() == Round(fanned_out=1, delivered=1)
    [(headers, body)] = receiver.got
    message = Signed(secret).verify(body, headers)
    assert message["type"] == "finding.created"
    assert message["data"]["finding"] == finding_id
    assert datetime.fromisoformat(message["timestamp"]).tzinfo is not None
    assert headers["webhook-id"].startswith("evt_")
    assert headers["content-type"] == "application/json"
    for spoiled in (body.replace("no_consent", "authorised"), body + " "):
        with pytest.raises(WebhookVerificationError):
            Signed(secret).verify(spoiled, headers)
    assert courier.deliver_due() == Round()


def test_while_secrets_change_over_either_verifies(
    store: Store,
    owner: Principal,
    receiver: Receiver,
    subscribe: Callable,
    happen: Callable,
    courier: Courier,
) -> None:
    hook, first = subscribe()
    _, second = store.webhooks.rotate(hook.id, owner)
    happen()
    courier.deliver_due()
    headers, body = receiver.got[-1]
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (first, second):
        assert Signed(secret).verify(body, headers)["type"] == "finding.created"
    _, third = store.webhooks.rotate(hook.id, owner, timedelta(0))
    happen()
    courier.deliver_due()
    headers, body = receiver.got[-1]
    Signed(third).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Signed(second).verify(body, headers)


def test_what_fails_is_tried_again_under_the_same_id_until_it_is_taken(
    store: Store,
    receiver: Receiver,
    subscribe: Callable,
    happen: Callable,
    courier: Courier,
    clock: MovedClock,
) -> None:
    hook, _ = subscribe()
    happen()
    receiver.answers += [(500, {}), (302, {"location": "/elsewhere"}), (200, {})]
    for wait in (0, *WAITS[:2]):
        clock.ahead += timedelta(seconds=wait)
        courier.deliver_due()
    delivery = only(store, hook)
    assert (delivery.state, delivery.attempts, delivery.last_status) == ("delivered", 3, 200)
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({body for _, body in receiver.got}) == 1
    assert len(receiver.got) == 3


def test_retry_after_is_heeded(
    store: Store,
    receiver: Receiver,
    subscribe: Callable,
    happen: Callable,
    courier: Courier,
    clock: MovedClock,
) -> None:
    _hook, _ = subscribe()
    happen()
    receiver.answers += [(503, {"retry-after": "3600"})]
    courier.deliver_due()
    clock.ahead += timedelta(seconds=3500)
    assert courier.deliver_due() == Round()
    clock.ahead += timedelta(seconds=200)
    assert courier.deliver_due() == Round(delivered=1)


def test_after_the_last_attempt_it_is_dead_and_can_be_sent_again(
    store: Store, owner: Principal, receiver: Receiver, subscribe: Callable, happen: Callable, courier: Courier,
    clock: MovedClock, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    hook, secret = subscribe()
    happen()
    receiver.answers += [(500, {})] * ATTEMPTS
    with caplog.at_level(logging.WARNING, "lookalike.webhooks"):
        for wait in (0, *WAITS):
            clock.ahead += timedelta(seconds=wait)
            assert courier.deliver_due().failed == 1
    dead = only(store, hook)
    assert (dead.state, dead.attempts, dead.last_error) == ("dead", ATTEMPTS, "the receiver answered 500")
    assert secret not in caplog.text
    assert "v1," not in caplog.text
    clock.ahead += timedelta(days=1)
    assert courier.deliver_due() == Round()
    store.outbox.send_again(hook.id, dead.id, owner)
    assert courier.deliver_due() == Round(delivered=1)
    assert receiver.got[-1][1] == receiver.got[0][1]


def test_410_ends_the_webhook(
    store: Store,
    owner: Principal,
    receiver: Receiver,
    subscribe: Callable,
    happen: Callable,
    courier: Courier,
) -> None:
    hook, _ = subscribe()
    happen()
    receiver.answers += [(410, {})]
    courier.deliver_due()
    assert store.webhooks.get(hook.id, owner).disabled_reason == "gone"
    assert only(store, hook).state == "dead"
    happen()
    assert courier.deliver_due() == Round()
    assert len(receiver.got) == 1


def test_one_receiver_that_is_down_costs_the_others_nothing(
    store: Store, receiver: Receiver, subscribe: Callable, happen: Callable, courier: Courier
) -> None:
    down, _ = subscribe("http://127.0.0.1:1024/nobody-listens")
    subscribe()
    happen()
    assert courier.deliver_due() == Round(fanned_out=2, delivered=1, failed=1)
    delivery = only(store, down)
    assert (delivery.state, delivery.last_status) == ("pending", None)
    assert delivery.last_error


def test_private_addresses_are_not_asked_unless_a_setting_allows_it(
    store: Store, receiver: Receiver, subscribe: Callable, happen: Callable
) -> None:
    hook, _ = subscribe()
    happen()
    assert Courier(store, Web("lookalike/test")).deliver_due().failed == 1
    assert receiver.got == []
    error = only(store, hook).last_error or ""
    assert "no public address" in error
    assert "tenant" not in error


def test_a_deleted_webhook_gets_nothing(
    store: Store,
    owner: Principal,
    receiver: Receiver,
    subscribe: Callable,
    happen: Callable,
    courier: Courier,
) -> None:
    hook, _ = subscribe()
    happen()
    store.outbox.fan_out()
    store.webhooks.delete(hook.id, owner)
    assert courier.deliver_due() == Round()
    assert only(store, hook).state == "dead"
    assert receiver.got == []


def test_a_long_answer_is_not_read_to_its_end(
    store: Store, receiver: Receiver, subscribe: Callable, happen: Callable, courier: Courier
) -> None:
    hook, _ = subscribe()
    happen()
    receiver.answers += [(200, {"content-length": str(1 << 30)})]
    assert courier.deliver_due().failed == 1
    assert "larger" in (only(store, hook).last_error or "")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example",
        "file:///etc/passwd",
        "https://",
        "https://u:p@a.example",
        "http://a.example/x",
        "a.example",
        "https://a.example:22/",
        "https://a.example/#part",
        "javascript:alert(1)",
    ],
)
def test_an_address_that_messages_can_not_go_to_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        require_receiver(url)
    assert caught.value.code == "bad_url"
    assert "p@" not in caught.value.detail


def test_plain_http_needs_the_setting() -> None:
    assert require_receiver("https://a.example/x?y=1") == "https://a.example/x?y=1"
    assert require_receiver("http://a.example/x", plain_http=True) == "http://a.example/x"


def test_a_message_holds_ids_and_plain_facts_only(
    receiver: Receiver, subscribe: Callable, happen: Callable, courier: Courier
) -> None:
    subscribe()
    happen()
    courier.deliver_due()
    data = json.loads(receiver.got[0][1])["data"]
    assert sorted(data) == ["as_of", "client", "finding", "scan", "severity", "sha256", "talents", "verdict"]
