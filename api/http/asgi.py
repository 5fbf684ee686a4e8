"""Small pieces for middleware: names of ASGI's parts, reading a header, answering with a problem."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problems import problem_response
from detector.errors import LookalikeError

__all__ = ["ASGIApp", "Message", "Receive", "Scope", "Send", "answer", "header", "is_api", "state"]

MACHINE_PATHS = ("/v1/", "/metrics")
"""Where programs call with a key; pages have sessions, and health is open."""


def header(scope: Scope, name: str) -> str | None:
    return Headers(scope=scope).get(name)


def state(scope: Scope) -> dict[str, object]:
    """What this call carries from one middleware to the next and to the routes (`request.state`)."""
    found: dict[str, object] = scope.setdefault("state", {})
    return found


def is_api(scope: Scope) -> bool:
    return scope["type"] == "http" and str(scope["path"]).startswith(MACHINE_PATHS)


async def answer(scope: Scope, receive: Receive, send: Send, error: LookalikeError) -> None:
    """Send the problem document of an error."""
    await problem_response(error, str(state(scope).get("request_id", "")))(scope, receive, send)
