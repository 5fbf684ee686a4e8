"""Errors become problem documents (RFC 9457): here, once, for every route.

    LookalikeError ─ status_of ─▶ application/problem+json {type, title, status, detail, code, request_id}

A problem never repeats what was sent: a value may be a picture or a secret. An error nobody foresaw is logged with its
request id, and the caller gets the id alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from detector import errors
from detector.errors import InvalidRecord, LookalikeError, Overloaded

log = logging.getLogger("lookalike.http")

MEDIA_TYPE = "application/problem+json"

MOST_FAULTS = 100
"""Faults of one request that are told; nobody reads more."""

STATUSES: tuple[tuple[type[LookalikeError], HTTPStatus], ...] = (
    (errors.Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (errors.Forbidden, HTTPStatus.FORBIDDEN),
    (errors.NotFound, HTTPStatus.NOT_FOUND),
    (errors.StaleVersion, HTTPStatus.PRECONDITION_FAILED),
    (errors.VersionRequired, HTTPStatus.PRECONDITION_REQUIRED),
    (errors.Conflict, HTTPStatus.CONFLICT),
    (errors.SignalMismatch, HTTPStatus.CONFLICT),
    (errors.TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (errors.UnsupportedMedia, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (errors.TooManyRequests, HTTPStatus.TOO_MANY_REQUESTS),
    (errors.Overloaded, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.WeightsError, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.MissingExtra, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.UsageError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.InputError, HTTPStatus.UNPROCESSABLE_ENTITY),
)
"""The first class that fits wins; anything else is a 500."""


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    detail: str
    pointer: str | None = Field(None, description="Where in the request, as a JSON pointer.")


class Problem(BaseModel):
    """What every refusal and failure is answered with."""

    type: str = "about:blank"
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="What was wrong, with which input, and what to do.")
    code: str = Field(description="Stable, for programs.", examples=["not_found"])
    request_id: str = Field(description="Names this call in the service's log.")
    errors: list[Fault] | None = None


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems of an operation, for `responses=`. Those that any operation can have come by themselves."""
    everywhere = (400, 401, 403, 413, 422, 429, 503)
    return {status: _described(status) for status in sorted({*everywhere, *statuses})}


def _described(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}


def install(app: FastAPI) -> None:
    """Have the application answer every error with a problem."""
    app.add_exception_handler(LookalikeError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_framework)
    app.add_exception_handler(Exception, _of_nobody)


def problem_response(
    error: LookalikeError, request_id: str, faults: Iterable[Fault] | None = None
) -> JSONResponse:
    """The answer to one of our own errors."""
    status = status_of(error)
    if isinstance(error, InvalidRecord):
        faults = [Fault(detail=each) for each in error.faults]
    return _response(status, error.detail, error.code, request_id, faults, _headers(error))


def status_of(error: LookalikeError) -> HTTPStatus:
    return next(
        (status for kind, status in STATUSES if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR
    )


def request_id_of(request: Request) -> str:
    """The id of this call, which `api.http.envelope` gave it."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def _response(
    status: int,
    detail: str,
    code: str,
    request_id: str,
    faults: Iterable[Fault] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        request_id=request_id,
        errors=None if faults is None else list(faults),
    )
    body = problem.model_dump(exclude_none=True)
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def _headers(error: LookalikeError) -> dict[str, str]:
    if isinstance(error, Overloaded):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, errors.Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="lookalike"'}
    return {}


async def _of_ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LookalikeError)  # noqa: S101 - registered for this class
    if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("%s [%s] request %s", error.detail, error.code, request_id_of(request))
    return problem_response(error, request_id_of(request))


async def _of_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
    faults = [
        Fault(detail=str(fault["msg"]), pointer=_pointer(fault["loc"]))
        for fault in error.errors()[:MOST_FAULTS]
    ]
    detail = "the request can't be read: " + "; ".join(
        f"{fault.pointer}: {fault.detail}" for fault in faults[:3]
    )
    return _response(
        HTTPStatus.UNPROCESSABLE_ENTITY, detail, "invalid_request", request_id_of(request), faults
    )


def _pointer(place: Iterable[str | int]) -> str:
    """A JSON pointer; the names in it are escaped as RFC 6901 wants, and cut where a caller made them long."""
    parts = (str(part)[:80].replace("~", "~0").replace("/", "~1") for part in place)
    return "/" + "/".join(parts)


_CODES = {
    HTTPStatus.NOT_FOUND: ("not_found", "there is no such resource; /v1/openapi.json lists what there is"),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "this resource doesn't take that method"),
    HTTPStatus.BAD_REQUEST: ("bad_request", "the body can't be read as what its Content-Type says"),
}


async def _of_framework(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(methods_of(request)) or headers.get("Allow", "")
    code, detail = _CODES.get(status, (f"http_{status.value}", status.phrase))
    return _response(status, detail, code, request_id_of(request), headers=headers)


def methods_of(request: Request) -> list[str]:
    """What a path takes: the framework names the methods of the first route of it alone."""
    routes: Iterable[APIRoute] = getattr(request.app.state, "api_routes", ())
    found = (route.methods or set() for route in routes if route.path_regex.match(request.url.path))
    return sorted(set().union(*found))


async def _of_nobody(request: Request, error: Exception) -> JSONResponse:
    request_id = request_id_of(request)
    log.error("request %s broke", request_id, exc_info=error)
    detail = f"something broke inside the service; report the request id {request_id}"
    return _response(HTTPStatus.INTERNAL_SERVER_ERROR, detail, "internal_error", request_id)
