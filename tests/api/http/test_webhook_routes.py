"""Webhooks over HTTP: subscribing, secrets shown once, whose they are, dead messages."""

from __future__ import annotations

from collections.abc import Callable

from starlette.testclient import TestClient

from api.composition import Application
from detector.events import EventType
from tests.api.http.world import World

Calls = Callable[..., TestClient]
URL = "https://receiver.example/hooks"
HOOK = {"url": URL, "events": ["finding.created"]}


def test_a_secret_is_in_the_answer_of_its_making_alone(admin: TestClient, application: Application) -> None:
    headers = {"Idempotency-Key": "one"}
    made = admin.post("/v1/webhooks", json=HOOK, headers=headers)
    assert made.status_code == 201
    hook, secret = made.json()["id"], made.json()["secret"]
    again = admin.post("/v1/webhooks", json=HOOK, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "idempotent_answer_not_kept")
    rotated = admin.post(f"/v1/webhooks/{hook}/secret", json={"keep_hours": 2}).json()
    assert rotated["secret"] != secret
    assert rotated["previous_until"]
    assert application.store.webhooks.secrets_of(hook, application.clock()) == [rotated["secret"], secret]
    for path in ("", f"/{hook}"):
        seen = admin.get(f"/v1/webhooks{path}").text
        assert "whsec_" not in seen
    assert len(admin.get("/v1/webhooks").json()["items"]) == 1


def test_a_webhook_is_changed_turned_off_and_ended(admin: TestClient) -> None:
    path = f"/v1/webhooks/{admin.post('/v1/webhooks', json=HOOK).json()['id']}"
    changed = admin.patch(path, json={"url": URL + "/2", "events": list(EventType)}).json()
    assert (changed["url"], changed["events"]) == (URL + "/2", sorted(EventType))
    assert admin.patch(path, json={"enabled": False}).json()["disabled_reason"] == "by_hand"
    assert admin.patch(path, json={"enabled": True}).json()["disabled_at"] is None
    assert admin.delete(path).status_code == 204
    assert admin.get(path).status_code == admin.delete(path).status_code == 404
    assert admin.get("/v1/webhooks").json()["items"] == []


def test_what_can_not_be_subscribed_is_refused(admin: TestClient) -> None:
    hook = admin.post("/v1/webhooks", json=HOOK).json()["id"]
    urls = ("http://receiver.example/", "file:///etc/passwd", "https://u:p@receiver.example", "x" * 3000)
    events: tuple[list[str], ...] = ([], ["talent.erased"])
    spoiled = [*({"url": url} for url in urls), *({"events": each} for each in events), {"secret": "mine"}]
    for wrong in spoiled:
        answer = admin.post("/v1/webhooks", json=HOOK | wrong)
        assert answer.status_code == 422, wrong
        assert "u:p" not in answer.text
        assert admin.patch(f"/v1/webhooks/{hook}", json=wrong).status_code == 422, wrong


def test_a_role_subscribes_to_what_it_may_read_and_nothing_else(call_as: Calls) -> None:
    scanner, registrar = call_as("scanner", client="Acme"), call_as("registrar", agency="North")
    assert scanner.post("/v1/webhooks", json=HOOK).status_code == 201
    refused = registrar.post("/v1/webhooks", json=HOOK)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    consents = {"url": URL, "events": ["consent.expiring", "consent.revoked"]}
    assert registrar.post("/v1/webhooks", json=consents).status_code == 201
    assert scanner.post("/v1/webhooks", json=consents).status_code == 403


def test_anothers_webhook_is_not_there(call_as: Calls, admin: TestClient) -> None:
    mine, other = call_as("scanner", client="Acme"), call_as("scanner", client="Other")
    monitor = call_as("monitor", client="Acme")
    path = f"/v1/webhooks/{mine.post('/v1/webhooks', json=HOOK).json()['id']}"
    for stranger in (other, monitor):
        answers = [
            stranger.get(path),
            stranger.patch(path, json={"enabled": False}),
            stranger.post(f"{path}/secret", json={}),
            stranger.get(f"{path}/deliveries"),
            stranger.post(f"{path}/deliveries/dlv_none"),
            stranger.delete(path),
        ]
        assert [answer.status_code for answer in answers] == [404] * len(answers)
        assert stranger.get("/v1/webhooks").json()["items"] == []
    assert call_as("scanner", client="ACME").get(path).status_code == 200
    assert admin.get(path).status_code == 200


def test_dead_messages_are_listed_and_sent_again(admin: TestClient, application: Application) -> None:
    world = World(admin, application, "")
    path = f"/v1/webhooks/{world.webhook_id}/deliveries"
    delivery = world.delivery_id
    [dead] = admin.get(path, params={"state": "dead"}).json()["items"]
    assert (dead["id"], dead["last_status"], dead["type"]) == (delivery, 500, "finding.created")
    assert admin.get(path, params={"state": "delivered"}).json()["items"] == []
    again = admin.post(f"{path}/{delivery}")
    assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (200, "pending", 0)
    assert admin.post(f"{path}/{delivery}").status_code == 409
    assert admin.post(f"{path}/dlv_none").status_code == 404
