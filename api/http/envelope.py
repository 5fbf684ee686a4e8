"""What surrounds every call, before its body is read: an id, a key, a rate, a limit on the body, a line in the log.

    Identified ─▶ Keyed ─▶ Rated ─▶ Limited ─▶ (idempotency) ─▶ routes

Plain ASGI: each looks at the headers and may answer at once, so that nobody without a key makes the service take in a
body. Health and pages pass `Keyed` and `Rated` untouched.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from dataclasses import dataclass

import anyio
from anyio.to_thread import run_sync
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import MutableHeaders

from api.http.access import ANONYMOUS, Refusals
from api.http.asgi import ASGIApp, Message, Receive, Scope, Send, answer, header, is_api, state
from api.http.metrics import Metrics
from api.http.service import Service
from data.store.keys import ApiKey
from detector.errors import LookalikeError, Overloaded, TooLarge, TooManyRequests, Unauthenticated

log = logging.getLogger("lookalike.http")

_OWN_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_MEBIBYTE = 1024 * 1024


class Identified:
    """Gives each call an id (the caller's own, if it is a plain one), sends it back, counts and logs the call."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(header(scope, "x-request-id"))
        state(scope)["request_id"] = request_id
        started, status = time.perf_counter(), 500

        async def stamped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _stamp(MutableHeaders(scope=message), scope, request_id)
            await send(message)

        try:
            await self._app(scope, receive, stamped)
        finally:
            seconds = time.perf_counter() - started
            operation = _operation(scope)
            self._metrics.count(operation, status, seconds)
            key = state(scope).get("key")
            who = key.id if isinstance(key, ApiKey) else ANONYMOUS
            log.info("%s %s %d %.0f ms %s", request_id, operation, status, 1000 * seconds, who)


def _request_id(given: str | None) -> str:
    return given if given and _OWN_ID.fullmatch(given) else f"req_{secrets.token_hex(10)}"


def _stamp(headers: MutableHeaders, scope: Scope, request_id: str) -> None:
    headers["X-Request-Id"] = request_id
    headers["X-Content-Type-Options"] = "nosniff"
    if is_api(scope):
        headers.setdefault("Cache-Control", "no-store")


def _operation(scope: Scope) -> str:
    """The method and the route's template: never the path itself, which holds ids and what strangers typed."""
    route = scope.get("route")
    return f"{_method(scope)} {getattr(route, 'path', 'unmatched')}"


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _method(scope: Scope) -> str:
    """Any word may be sent as a method; the names of metrics must stay few."""
    return str(scope["method"]) if scope["method"] in _METHODS else "OTHER"


class Keyed:
    """Looks the key up. Without a usable one, only health and pages are answered."""

    def __init__(self, app: ASGIApp, service: Service, refusals: Refusals) -> None:
        self._app = app
        self._service = service
        self._refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_api(scope):
            await self._app(scope, receive, send)
            return
        try:
            state(scope)["key"] = await run_sync(self._key, _bearer(scope))
        except LookalikeError as error:
            await answer(scope, receive, send, error)
            return
        await self._app(scope, receive, send)

    def _key(self, token: str | None) -> ApiKey:
        key = self._service.store.keys.authenticate(token) if token else None
        if key is None:
            why = "unknown_key" if token else "no_key"
            self._refusals.record(self._service.store, ANONYMOUS, "api", why)
            raise Unauthenticated(
                "the key is unknown, expired or revoked"
                if token
                else "this call needs a key: send the header `Authorization: Bearer lk_…`"
            )
        return key


def _bearer(scope: Scope) -> str | None:
    scheme, _, token = (header(scope, "authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


class Rated:
    """Keeps each key to its calls a minute, in this process."""

    def __init__(self, app: ASGIApp, per_minute: int) -> None:
        self._app = app
        self._limit = RateLimitItemPerMinute(per_minute)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = state(scope).get("key") if scope["type"] == "http" else None
        if isinstance(key, ApiKey) and not self._limiter.hit(self._limit, key.id):
            wait = self._limiter.get_window_stats(self._limit, key.id).reset_time - time.time()
            error = TooManyRequests(
                f"the key made more than {self._limit.amount} calls in a minute",
                retry_after=max(1, min(60, round(wait))),
            )
            await answer(scope, receive, send, error)
            return
        await self._app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Bytes a body may have, and seconds it may take to arrive. JSON is read whole, so it has a limit of its own."""

    upload: int
    seconds: float
    json: int = 8 * _MEBIBYTE

    def for_type(self, content_type: str) -> int:
        return min(self.upload, self.json) if "json" in content_type else self.upload


class Limited:
    """Counts the body while it arrives. One that is too large or too slow is answered, whatever the route makes of
    the break."""

    def __init__(self, app: ASGIApp, limits: BodyLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limits.for_type(header(scope, "content-type") or "")
        if _declared(scope) > limit:
            await answer(scope, receive, send, _too_large(limit))
            return
        body = _Counted(receive, limit, self._limits.seconds)
        started = False

        async def unless_broken(message: Message) -> None:
            nonlocal started
            if body.broken is None or started:
                started = started or message["type"] == "http.response.start"
                await send(message)

        try:
            await self._app(scope, body, unless_broken)
        except LookalikeError as error:
            if error is not body.broken:
                raise
        if body.broken is not None and not started:
            await answer(scope, receive, send, body.broken)


class _Counted:
    """A body that breaks off with `broken` set."""

    def __init__(self, receive: Receive, limit: int, seconds: float) -> None:
        self._receive = receive
        self._limit = limit
        self._seconds = seconds
        self._deadline: float | None = None
        self._complete = False
        self._got = 0
        self.broken: LookalikeError | None = None

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        self._deadline = self._deadline or anyio.current_time() + self._seconds
        message: Message = {}
        with anyio.move_on_after(self._deadline - anyio.current_time()) as waiting:
            message = await self._receive()
        if waiting.cancelled_caught:
            self._break(_too_slow(self._seconds))
        self._got += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._got > self._limit:
            self._break(_too_large(self._limit))
        return message

    def _break(self, error: LookalikeError) -> None:
        self.broken = error
        raise error


def _declared(scope: Scope) -> int:
    text = header(scope, "content-length") or "0"
    return int(text) if text.isascii() and text.isdigit() else 0


def _too_large(limit: int) -> TooLarge:
    size = f"{limit / _MEBIBYTE:.0f} MiB" if limit >= _MEBIBYTE else f"{limit} bytes"
    return TooLarge(f"the request is above {size}, which this service takes at once")


def _too_slow(seconds: float) -> Overloaded:
    return Overloaded(
        f"the request did not arrive within {seconds:g} seconds", retry_after=1, code="request_too_slow"
    )
