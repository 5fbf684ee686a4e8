"""Webhooks: who is told of which events, and how far each message got."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.http.access import may
from api.http.idempotency import secret_answer
from api.http.paging import PageOf, ThePage, last_id
from api.http.problems import documented
from api.http.service import Service, TheService
from api.webhooks.courier import require_receiver
from data.store.outbox import Delivery, DeliveryState
from data.store.rows import plain
from data.store.webhooks import Webhook, WebhookChange
from detector.access import Principal, Scope
from detector.events import EventType

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

Manager = Annotated[Principal, may(Scope.WEBHOOKS_MANAGE)]

Address = Annotated[str, Field(max_length=2000, examples=["https://receiver.example/lookalike"])]


class WebhookView(BaseModel):
    """A subscription, without its secret."""

    id: str = Field(examples=["whk_06f3k9x2c4abcdefghjk"])
    key_id: str = Field(description="It is told what this key may see.")
    url: str
    events: list[EventType]
    created_at: datetime
    previous_until: datetime | None = Field(
        description="Until then the secret before the rotation signs too."
    )
    disabled_at: datetime | None
    disabled_reason: str | None = Field(description="`gone`: the receiver answered 410; `by_hand`.")

    @classmethod
    def of(cls, hook: Webhook) -> WebhookView:
        return cls(**_facts(hook))


class NewWebhookView(WebhookView):
    """With its secret."""

    secret: str = Field(description="Shown once.", examples=["whsec_…"])


class Webhooks(BaseModel):
    items: list[WebhookView]


class WebhookRequest(BaseModel):
    """What is to be told, and where."""

    model_config = ConfigDict(extra="forbid")

    url: Address
    events: list[EventType] = Field(min_length=1)


class WebhookPatch(BaseModel):
    """What is to be changed; left out: stays as it is."""

    model_config = ConfigDict(extra="forbid")

    url: Address | None = None
    events: list[EventType] | None = Field(None, min_length=1)
    enabled: bool | None = None


class RotationRequest(BaseModel):
    """How the secret is changed."""

    model_config = ConfigDict(extra="forbid")

    keep_hours: int = Field(24, ge=0, le=720, description="How long the secret before signs too.")


class DeliveryView(BaseModel):
    """How far one message got."""

    id: str = Field(examples=["dlv_06f3k9x2c4abcdefghjk"])
    event_id: str = Field(description="The message's `webhook-id`.")
    type: EventType
    state: DeliveryState
    attempts: int
    next_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime
    delivered_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> DeliveryView:
        return cls(**{name: getattr(delivery, name) for name in cls.model_fields})


EXAMPLE = {"url": "https://receiver.example/lookalike", "events": ["finding.created", "scan.finished"]}


@router.get(
    "",
    operation_id="webhooks.list",
    summary="Webhooks of keys that see what yours sees",
    responses=documented(),
)
def list_webhooks(service: TheService, caller: Manager) -> Webhooks:
    return Webhooks(items=[WebhookView.of(hook) for hook in service.store.webhooks.list(caller)])


@router.post(
    "", status_code=201, operation_id="webhooks.create", summary="Subscribe", responses=documented(409)
)
def create(
    request: Request,
    service: TheService,
    caller: Manager,
    body: Annotated[WebhookRequest, Body(openapi_examples={"findings": {"value": EXAMPLE}})],
) -> NewWebhookView:
    url = require_receiver(body.url, plain_http=service.settings.webhook_http)
    hook, secret = service.store.webhooks.create(caller, url, body.events)
    secret_answer(request.state)
    return NewWebhookView(**_facts(hook), secret=secret)


@router.get("/{webhook_id}", operation_id="webhooks.get", summary="One webhook", responses=documented(404))
def get(service: TheService, caller: Manager, webhook_id: str) -> WebhookView:
    return WebhookView.of(_seen(service, caller, webhook_id))


@router.patch(
    "/{webhook_id}",
    operation_id="webhooks.update",
    summary="Change its address or events, or turn it off and on",
    responses=documented(404),
)
def update(
    service: TheService,
    caller: Manager,
    webhook_id: str,
    body: Annotated[WebhookPatch, Body(openapi_examples={"off": {"value": {"enabled": False}}})],
) -> WebhookView:
    hook = _seen(service, caller, webhook_id)
    plain_http = service.settings.webhook_http
    change = WebhookChange(
        url=None if body.url is None else require_receiver(body.url, plain_http=plain_http),
        events=None if body.events is None else tuple(body.events),
        enabled=body.enabled,
    )
    return WebhookView.of(service.store.webhooks.update(hook.id, change, caller))


@router.delete(
    "/{webhook_id}",
    status_code=204,
    operation_id="webhooks.delete",
    summary="End it",
    responses=documented(404),
)
def delete(service: TheService, caller: Manager, webhook_id: str) -> None:
    service.store.webhooks.delete(_seen(service, caller, webhook_id).id, caller)


@router.post(
    "/{webhook_id}/secret",
    operation_id="webhooks.rotate",
    summary="A new secret; the one before signs too for a while",
    responses=documented(404),
)
def rotate(
    request: Request,
    service: TheService,
    caller: Manager,
    webhook_id: str,
    body: Annotated[RotationRequest, Body(openapi_examples={"a day": {"value": {"keep_hours": 24}}})],
) -> NewWebhookView:
    hook = _seen(service, caller, webhook_id)
    rotated, secret = service.store.webhooks.rotate(hook.id, caller, timedelta(hours=body.keep_hours))
    secret_answer(request.state)
    return NewWebhookView(**_facts(rotated), secret=secret)


@router.get(
    "/{webhook_id}/deliveries",
    operation_id="deliveries.list",
    summary="Its messages, the newest first; `state=dead` are those given up",
    responses=documented(404),
)
def list_deliveries(
    service: TheService,
    caller: Manager,
    page: ThePage,
    webhook_id: str,
    state: Annotated[list[DeliveryState], Query()] = [],  # noqa: B006 - FastAPI reads the default, nobody changes it
) -> PageOf[DeliveryView]:
    hook = _seen(service, caller, webhook_id)
    bound = ("deliveries.list", hook.id, sorted(state))
    found = service.store.outbox.deliveries(hook.id, state, last_id(page.after(*bound)), page.limit + 1)
    shown, more = found[: page.limit], len(found) > page.limit
    cursor = page.next([shown[-1].id], *bound) if more else None
    return PageOf(items=[DeliveryView.of(one) for one in shown], next=cursor)


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}",
    operation_id="deliveries.send_again",
    summary="Send a message again, as it was",
    responses=documented(404, 409),
)
def send_again(service: TheService, caller: Manager, webhook_id: str, delivery_id: str) -> DeliveryView:
    hook = _seen(service, caller, webhook_id)
    return DeliveryView.of(service.store.outbox.send_again(hook.id, plain(delivery_id), caller))


def _seen(service: Service, caller: Principal, webhook_id: str) -> Webhook:
    """The webhook, if the caller manages it. Raises NotFound."""
    return service.store.webhooks.get(plain(webhook_id), caller)


def _facts(hook: Webhook) -> dict[str, object]:
    return {name: getattr(hook, name) for name in WebhookView.model_fields}
