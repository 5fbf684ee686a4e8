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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import httpx2

from data.sources import file_item
from detector.errors import Refused, Unreachable

Row = dict[str, Any]
Picture = Path | tuple[str, bytes]
"""A file, or a name and the bytes."""

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
    def keys(self) -> Keys:
        return Keys(self)

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


class _Resource:
    def __init__(self, client: Client) -> None:
        self._client = client


class Talents(_Resource):
    """Registered people."""

    def create(self, ref: str, name: str, **facts: Any) -> Row:
        """`facts`: agency, minor, wants_every_report."""
        return self._client.json("POST", "/v1/talents", json={"ref": ref, "name": name, **facts})

    def list(self, **filters: Any) -> Iterator[Row]:
        """`filters`: ref, agency, erased."""
        return self._client.pages("/v1/talents", filters)

    def get(self, talent_id: str) -> Row:
        return self._client.json("GET", f"/v1/talents/{talent_id}")

    def update(self, talent_id: str, **facts: Any) -> Row:
        """Change a person as they are now; what somebody else changes meanwhile is refused as `stale_version`."""
        path = f"/v1/talents/{talent_id}"
        seen = self._client.call("GET", path)
        return self._client.json("PATCH", path, json=facts, headers={"If-Match": seen.headers["ETag"]})

    def erase(self, talent_id: str) -> Row:
        return self._client.json("DELETE", f"/v1/talents/{talent_id}")


class References(_Resource):
    """Pictures that people are recognised by."""

    def create(
        self, talent_id: str, picture: Picture, *, box: str | None = None, confirm: bool = False
    ) -> Row:
        """`box`: which face is meant, x,y,width,height in pixels. Raises Refused with enrolment's code."""
        form = {"confirm": str(confirm).lower(), **({"box": box} if box else {})}
        path = f"/v1/talents/{talent_id}/references"
        return self._client.json("POST", path, files={"picture": named(picture)}, data=form)

    def list(self, talent_id: str) -> Iterator[Row]:
        return self._client.pages(f"/v1/talents/{talent_id}/references", {})

    def get(self, reference_id: str) -> Row:
        return self._client.json("GET", f"/v1/references/{reference_id}")

    def picture(self, reference_id: str) -> bytes:
        return self._client.call("GET", f"/v1/references/{reference_id}/picture").content

    def delete(self, reference_id: str) -> None:
        self._client.call("DELETE", f"/v1/references/{reference_id}")


class Consents(_Resource):
    """What people granted."""

    def create(self, record: Mapping[str, Any]) -> Row:
        """`record`: the terms of docs/consent.md, with `talent_id`."""
        return self._client.json("POST", "/v1/consents", json=dict(record))

    def list(self, **filters: Any) -> Iterator[Row]:
        """`filters`: talent_id, client, kind, status, as_of."""
        return self._client.pages("/v1/consents", filters)

    def get(self, consent_id: str, as_of: str | None = None) -> Row:
        query = {} if as_of is None else {"as_of": as_of}
        return self._client.json("GET", f"/v1/consents/{consent_id}", params=query)

    def versions(self, consent_id: str) -> Sequence[Row]:
        found: Sequence[Row] = self._client.json("GET", f"/v1/consents/{consent_id}/versions")["items"]
        return found

    def revoke(self, consent_id: str, reason: str | None = None, effective_at: str | None = None) -> Row:
        body = {"reason": reason, "effective_at": effective_at}
        return self._client.json("POST", f"/v1/consents/{consent_id}/revoke", json=body)


class Imports(_Resource):
    """Rosters."""

    def create(self, roster: Picture, files: Sequence[Picture] = ()) -> Row:
        """A CSV file and what it names, or all of it as one ZIP. One answer per row."""
        if named(roster)[0].lower().endswith(".zip"):
            return self._client.json("POST", "/v1/imports", files={"archive": named(roster)})
        parts = [("roster", named(roster)), *(("files", named(each)) for each in files)]
        return self._client.json("POST", "/v1/imports", files=parts)


class Checks(_Resource):
    """Is a registered talent's likeness in a picture, and does a consent allow the use?"""

    def create(self, picture: Picture | str, *, as_of: str | None = None, **use: Any) -> Row:
        """A file, or a web address that the service fetches. `use`: client, purpose, medium and so on; what is
        not given is unknown. The answer is a row of docs/finding.schema.json with `finding_id`."""
        claimed = {name: value for name, value in use.items() if value is not None}
        when = {} if as_of is None else {"as_of": as_of}
        if isinstance(picture, str):
            body = {"url": picture, "use": claimed, **when}
            return self._client.json("POST", "/v1/checks", json=body)
        form = {name: _cell(value) for name, value in {**claimed, **when}.items()}
        return self._client.json("POST", "/v1/checks", files={"picture": named(picture)}, data=form)


class Keys(_Resource):
    """Who may call."""

    def create(self, role: str, name: str, **facts: Any) -> Row:
        """`facts`: client, agency, expires_at. The answer's `key` is shown once."""
        return self._client.json("POST", "/v1/keys", json={"role": role, "name": name, **facts})

    def list(self) -> Iterator[Row]:
        yield from self._client.json("GET", "/v1/keys")["items"]

    def own(self) -> Row:
        return self._client.json("GET", "/v1/keys/self")

    def revoke(self, key_id: str) -> Row:
        return self._client.json("DELETE", f"/v1/keys/{key_id}")


def _cell(value: object) -> str:
    """A value as a form has it: yes and no as words, several texts with | between."""
    if isinstance(value, bool):
        return str(value).lower()
    return "|".join(value) if isinstance(value, list | tuple) else str(value)


def named(picture: Picture) -> tuple[str, bytes]:
    """The name and the bytes of a file. Raises UnreadableInput."""
    return (picture.name, file_item(picture).read()) if isinstance(picture, Path) else picture


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
