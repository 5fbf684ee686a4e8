"""The route of a page: its errors are pages too, and everything that leaves carries the headers.

router = page_router()

@router.get("/review")
def queue(...) -> Response: ...
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.http.problems import request_id_of, status_of
from api.pages.access import SignInNeeded
from api.pages.headers import secured
from api.pages.rendering import render_error
from detector.errors import LookalikeError

log = logging.getLogger("lookalike.pages")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(APIRoute):
    """Turns what an area raises into a page a person can read."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                response = await handler(request)
            except SignInNeeded:
                response = _sign_in(request)
            except LookalikeError as error:
                response = await _fault(request, status_of(error), error.detail, error.code)
            except RequestValidationError:
                response = await _fault(request, HTTPStatus.NOT_FOUND, "There is no such page.", "not_found")
            except HTTPException as error:
                response = await _fault(request, HTTPStatus(error.status_code), str(error.detail), "bad_form")
            return secured(response)

        return page


def page_router() -> APIRouter:
    """A router for an area."""
    return APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)


async def _fault(request: Request, status: HTTPStatus, detail: str, code: str) -> Response:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("%s [%s] request %s", detail, code, request_id_of(request))
    return await run_in_threadpool(render_error, request, status, detail, code)


def _sign_in(request: Request) -> Response:
    """To the sign-in, and from there back to where the person wanted to go."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = f"?next={quote(wanted)}" if request.method == "GET" else ""
    return RedirectResponse(f"/sign-in{back}", status_code=HTTPStatus.SEE_OTHER)
