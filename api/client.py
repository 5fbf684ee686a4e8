"""The service's Python client, thin on httpx2: each method is one operation of docs/openapi.json, and answers its JSON.

    with Client("https://lookalike.example", key) as lookalike:
        talent = lookalike.talents.create(ref="AG-17", name="Ada Example")
        lookalike.references.create(talent["id"], Path("ada.jpg"))

A list is walked page by page while it is iterated. What the service refuses is raised as `Refused`, with the problem's
code. Every POST carries an Idempotency-Key, so a call that the service had no time for, or whose answer was lost, is
sent again without being done twice.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import httpx2

from api.client_resources import (
    Checks,
    Consents,
    Findings,
    Imports,
    Keys,
    References,
    Row,
    Scans,
    Talents,
    Webhooks,
)
from detector.errors import Refused, Unreachable

_LATER = (429, 503)
_UNDER_WAY = "idempotency_in_progress"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call may take (seconds), how often it is tried, and how it waits in between."""

    seconds: float = 120.0
    tries: int = 4
    longest_wait: float = 60.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)


class Client:
    """One service, called with one key. A context manager; threads may share it."""

    def __init__(self, address: str, key: str, patience: Patience | None = None) -> None:
        """`address` is the service's, without /v1."""
        self.address = address.rstrip("/")
        self._patience = patience or Patience()
        self._http = httpx2.Client(
            base_url=self.address,
            headers={"Authorization": f"Bearer {key}"},
            timeout=self._patience.seconds,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    @cached_property
    def talents(self) -> Talents:
        return Talents(self)

    @cached_property
    def references(self) -> References:
        return References(self)

    @cached_property
    def consents(self) -> Consents:
        return Consents(self)

    @cached_property
    def imports(self) -> Imports:
        return Imports(self)

    @cached_property
    def checks(self) -> Checks:
        return Checks(self)

    @cached_property
    def scans(self) -> Scans:
        return Scans(self)

    @cached_property
    def findings(self) -> Findings:
        return Findings(self)

    @cached_property
    def webhooks(self) -> Webhooks:
        return Webhooks(self)

    @cached_property
    def keys(self) -> Keys:
        return Keys(self)

    def sleep(self, seconds: float) -> None:
        """Wait, as this client waits."""
        self._patience.sleep(seconds)

    def call(self, method: str, path: str, **parts: Any) -> httpx2.Response:
        """One operation; `parts` as httpx2 takes them. Raises Refused, Unreachable."""
        headers = {**parts.pop("headers", {})}
        if method == "POST":
            headers.setdefault("Idempotency-Key", str(uuid.uuid4()))
        for left in reversed(range(self._patience.tries)):
            answer = self._once(method, path, headers, parts, last=not left)
            if answer is None:
                self._patience.sleep(1.0)
            elif left and _comes_later(answer):
                self._patience.sleep(min(_wait(answer), self._patience.longest_wait))
            else:
                return _accepted(answer)
        raise Unreachable("the client was told to try no times")

    def json(self, method: str, path: str, **parts: Any) -> Row:
        """The same, answering the JSON."""
        row: Row = self.call(method, path, **parts).json()
        return row

    def pages(self, path: str, filters: Mapping[str, Any]) -> Iterator[Row]:
        """Every item of a list; the next page is asked for when the one before has been taken."""
        query = {name: value for name, value in filters.items() if value is not None}
        while True:
            page = self.json("GET", path, params=query)
            yield from page["items"]
            if page["next"] is None:
                return
            query["cursor"] = page["next"]

    def _once(
        self, method: str, path: str, headers: Mapping[str, str], parts: Mapping[str, Any], *, last: bool
    ) -> httpx2.Response | None:
        """The answer; None where there was none and the call can be sent again."""
        try:
            return self._http.request(method, path, headers=headers, **parts)
        except httpx2.TransportError as error:
            repeatable = method in ("GET", "POST") or isinstance(error, httpx2.ConnectError)
            if repeatable and not last:
                return None
            raise Unreachable(
                f"the service at {self.address} did not answer ({type(error).__name__}); is it running?"
            ) from error


def _comes_later(answer: httpx2.Response) -> bool:
    """Whether the same call may be answered in a moment."""
    return answer.status_code in _LATER or (answer.status_code == 409 and _UNDER_WAY in answer.text)


def _wait(answer: httpx2.Response) -> float:
    stated = answer.headers.get("Retry-After", "1")
    return float(stated) if stated.isdigit() else 1.0


def _accepted(answer: httpx2.Response) -> httpx2.Response:
    """Raises Refused for a problem."""
    if answer.is_success:
        return answer
    problem = answer.json() if "json" in answer.headers.get("Content-Type", "") else {}
    faults = tuple(fault["detail"] for fault in problem.get("errors") or ())
    raise Refused(
        problem.get("detail", f"the service answered {answer.status_code}"),
        code=problem.get("code", Refused.code),
        status=answer.status_code,
        request_id=problem.get("request_id", answer.headers.get("X-Request-Id", "")),
        faults=faults,
    )
