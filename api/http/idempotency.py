"""`Idempotency-Key` on POST: the same call sent twice is done once and answered twice alike.

    POST + key ─▶ begin ─▶ first:     the route, its answer kept
                        ─▶ answered:  the same body? ─▶ the kept answer with `Idempotency-Replayed: true`
                        ─▶ under way: 409, try again

The body is hashed while the route reads it, never held. A multipart body is hashed without its boundary, which
clients choose anew each time. Failures of the service (5xx), refusals and limits are not
kept: the next call tries again.
"""

from __future__ import annotations

import hashlib
import re
from email.message import Message as Mail

from anyio import CancelScope
from anyio.to_thread import run_sync

from api.http.asgi import ASGIApp, Message, Receive, Scope, Send, answer, header, state
from api.http.service import Service
from data.store.keys import ApiKey
from data.store.requests import Answered, Attempt, Requests, UnderWay
from detector.errors import Conflict, LookalikeError, UsageError

NAME = "idempotency-key"
REPLAYED = "Idempotency-Replayed"
KEPT_BYTES = 4 * 1024 * 1024
"""A longer answer is not kept; a repeated call is told so."""

_FORM = re.compile(r"[\x21-\x7e]{1,255}")
_NOT_KEPT = frozenset({401, 403, 408, 413, 429})
_OWN_HEADERS = frozenset({"x-request-id", "date", "server"})


def secret_answer(state: object) -> None:
    """Called by a route whose answer holds a secret: the answer must not be kept."""
    state.secret_answer = True  # type: ignore[attr-defined] # starlette's State takes any attribute


class Idempotent:
    """The middleware; it wraps the routes directly."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    @property
    def _requests(self) -> Requests:
        return self._service.store.requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = state(scope).get("key") if scope["type"] == "http" else None
        given = header(scope, NAME) if isinstance(key, ApiKey) and scope["method"] == "POST" else None
        if given is None or not isinstance(key, ApiKey):
            await self._app(scope, receive, send)
            return
        try:
            await self._once(scope, receive, send, _attempt(key, given, scope))
        except LookalikeError as error:
            await answer(scope, receive, send, error)

    async def _once(self, scope: Scope, receive: Receive, send: Send, attempt: Attempt) -> None:
        before = await run_sync(self._requests.begin, attempt)
        body = _Hashed(receive, header(scope, "content-type") or "")
        if isinstance(before, UnderWay):
            raise Conflict(
                "the first call with this Idempotency-Key is not answered yet; try again in a moment",
                code="idempotency_in_progress",
            )
        if isinstance(before, Answered):
            await body.drain()
            await _replay(before, attempt, body.digest(), send)
            return
        await self._first(scope, body, send, attempt)

    async def _first(self, scope: Scope, body: _Hashed, send: Send, attempt: Attempt) -> None:
        kept = _Kept(send)
        try:
            await self._app(scope, body, kept)
            await body.drain()
        finally:
            with CancelScope(shield=True):  # also when the caller has gone
                await run_sync(self._settle, attempt, kept, body, bool(state(scope).get("secret_answer")))

    def _settle(self, attempt: Attempt, kept: _Kept, body: _Hashed, secret: bool) -> None:
        if not kept.complete or kept.status >= 500 or kept.status in _NOT_KEPT:
            self._requests.forget(attempt)
            return
        whole = None if secret or kept.length > KEPT_BYTES else bytes(kept.body)
        answered = Answered(attempt.operation, body.digest(), kept.status, kept.headers, whole)
        self._requests.finish(attempt, answered)


def _attempt(key: ApiKey, given: str, scope: Scope) -> Attempt:
    if not _FORM.fullmatch(given):
        raise UsageError(
            "Idempotency-Key takes 1 to 255 visible ASCII characters, such as a UUID",
            code="bad_idempotency_key",
        )
    query = scope["query_string"].decode("latin-1")
    return Attempt(key.id, given, f"POST {scope['path']}?{query}")


async def _replay(before: Answered, attempt: Attempt, digest: str, send: Send) -> None:
    if (before.operation, before.request_sha256) != (attempt.operation, digest):
        raise UsageError(
            "this Idempotency-Key was used for another request; choose a new one",
            code="idempotency_key_reused",
        )
    if before.body is None:
        raise Conflict(
            "this request was done, and its answer is not kept because it holds a secret or is very long; look "
            "the result up",
            code="idempotent_answer_not_kept",
        )
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in before.headers]
    start = {"status": before.status, "headers": [*headers, (REPLAYED.lower().encode(), b"true")]}
    await send({"type": "http.response.start", **start})
    await send({"type": "http.response.body", "body": before.body})


class _Kept:
    """Passes an answer on and remembers it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 500
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()
        self.length = 0
        self.complete = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]]
            self.headers = [pair for pair in pairs if pair[0].lower() not in _OWN_HEADERS]
        elif message["type"] == "http.response.body":
            part = message.get("body", b"")
            self.length += len(part)
            if self.length <= KEPT_BYTES:
                self.body += part
            self.complete = not message.get("more_body", False)
        await self._send(message)


class _Hashed:
    """A body that is hashed on its way, without the multipart boundary."""

    def __init__(self, receive: Receive, content_type: str) -> None:
        self._receive = receive
        self._hash = hashlib.sha256(content_type.partition(";")[0].strip().lower().encode())
        self._boundary = _boundary(content_type)
        self._tail = b""
        self._over = False

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request" and not self._over:
            self._feed(message.get("body", b""))
            self._over = not message.get("more_body", False)
        elif message["type"] == "http.disconnect":
            self._over = True
        return message

    async def drain(self) -> None:
        """Take in what the route left unread."""
        while not self._over:
            await self()

    def digest(self) -> str:
        whole = self._hash.copy()
        whole.update(self._tail)
        return whole.hexdigest()

    def _feed(self, part: bytes) -> None:
        if not self._boundary:
            self._hash.update(part)
            return
        *passed, rest = (self._tail + part).split(self._boundary)
        for piece in passed:
            self._hash.update(piece)
        keep = len(self._boundary) - 1
        self._hash.update(rest[: max(0, len(rest) - keep)])
        self._tail = rest[max(0, len(rest) - keep) :]


def _boundary(content_type: str) -> bytes:
    mail = Mail()
    mail["content-type"] = content_type
    found = mail.get_param("boundary") if mail.get_content_maintype() == "multipart" else None
    return found.encode("latin-1", "ignore") if isinstance(found, str) else b""
