"""Lists in pages: opaque cursors that only this service can make.

    after ─ sign ─▶ "next" ─ caller ─▶ "cursor" ─ verify ─▶ after

A cursor holds the place after the last item, and is bound to the operation and its filters: with other filters it is
refused, not misread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query, Request
from itsdangerous import BadData, URLSafeSerializer
from pydantic import BaseModel, Field

from api.http.service import Service, TheService
from detector.errors import UsageError

Place = Sequence[str | int | float | None]
"""Where a list goes on: the sort values of the last item handed out."""

Item = TypeVar("Item")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


class PageOf(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next: str | None = Field(None, description="Send it as `cursor` for the next page; null on the last.")


class Paging:
    """The caller's `limit` and `cursor`."""

    def __init__(self, service: Service, limit: int, cursor: str | None) -> None:
        self._service = service
        self._cursor = cursor
        self.limit = limit

    def after(self, operation: str, *filters: object) -> Place | None:
        """Where to go on; None from the beginning. Raises UsageError (code `bad_cursor`)."""
        if self._cursor is None:
            return None
        try:
            place: Place = self._signer(operation, filters).loads(self._cursor)
        except BadData:
            detail = "the cursor is damaged or of another list; begin without one"
            raise UsageError(detail, code="bad_cursor") from None
        return place

    def next(self, place: Place, operation: str, *filters: object) -> str:
        """The cursor of the page that begins after this place."""
        text = self._signer(operation, filters).dumps(list(place))
        return text if isinstance(text, str) else text.decode()

    def _signer(self, operation: str, filters: tuple[object, ...]) -> URLSafeSerializer:
        bound = hashlib.sha256(repr((operation, filters)).encode()).hexdigest()
        return URLSafeSerializer(self._service.secret("cursor"), salt=bound)


def _paging(
    request: Request,
    service: TheService,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items per page.")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=2000, description="`next` of the page before.")] = None,
) -> Paging:
    _require_known(request)
    return Paging(service, limit, cursor)


def _require_known(request: Request) -> None:
    """A misspelt filter must not look like one that everything fits. Raises UsageError (code `invalid_request`)."""
    operation = request.app.openapi()["paths"][request.scope["route"].path_format][request.method.lower()]
    known = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
    strange = sorted(set(request.query_params) - known)
    if strange:
        raise UsageError(
            f"there is no parameter {strange[0][:40]!a}; this list takes {', '.join(sorted(known))}",
            code="invalid_request",
        )


ThePage = Annotated[Paging, Depends(_paging)]


def last_id(place: Place | None) -> str | None:
    """The id that a list in the order of its ids goes on behind."""
    return None if place is None else str(place[0])
