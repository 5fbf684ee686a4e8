"""Signing in with a key, and out."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api.http.access import ANONYMOUS
from api.pages.access import SignInNeeded, Viewer, viewer_of, viewing
from api.pages.forms import require_own_page, require_token
from api.pages.rendering import render
from api.pages.route import page_router
from api.pages.sessions import Session, new_session
from api.pages.site import Site, TheSite

LOCAL = re.compile(r"/(?![/\\])[A-Za-z0-9_\-./]*(\?[A-Za-z0-9_\-.=&%+:,]*)?", re.ASCII)
UNKNOWN_KEY = (
    "This key is not known, or it has ended. Keys begin with “lk_” and are shown once, when they are made."
)

router = page_router()


@router.get("/sign-in")
def sign_in(request: Request, site: TheSite) -> Response:
    wanted = local_path(request.query_params.get("next", ""))
    if _signed_in(request, site):
        return RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
    return _form(request, site, wanted)


@router.post("/sign-in")
async def enter(request: Request, site: TheSite) -> Response:
    require_own_page(request)
    form = await request.form(max_fields=8, max_files=0)
    session, wanted = site.sessions.read(request), local_path(str(form.get("next", "")))
    if session is None:  # the page was open too long, or the browser keeps no cookies
        return _form(request, site, wanted, "The sign-in page was too old. Please try once more.")
    require_token(form, session.csrf)
    key = await run_in_threadpool(site.store.keys.authenticate, str(form.get("key", "")).strip())
    if key is None:
        record = request.app.state.refusals.record
        await run_in_threadpool(record, site.store, ANONYMOUS, "page /sign-in", "unknown_key")
        return _form(request, site, wanted, UNKNOWN_KEY, HTTPStatus.UNAUTHORIZED)
    response = RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
    site.sessions.write(request, response, new_session(key.id))
    return response


@router.post("/sign-out")
async def leave(request: Request, site: TheSite, viewer: Annotated[Viewer, Depends(viewing())]) -> Response:
    require_own_page(request)
    require_token(await request.form(max_fields=4, max_files=0), viewer.csrf)
    response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    site.sessions.end(request, response)
    return response


def local_path(wanted: str) -> str:
    """A path of this service, where a person may be sent on to; the door for anything else."""
    return wanted if LOCAL.fullmatch(wanted) else "/"


def _signed_in(request: Request, site: Site) -> bool:
    try:
        viewer_of(request, site)
    except SignInNeeded:
        return False
    return True


def _form(
    request: Request, site: Site, wanted: str, fault: str = "", status: HTTPStatus = HTTPStatus.OK
) -> Response:
    session = _session_of_nobody(request, site)
    values = {"wanted": wanted, "fault": fault, "token": session.csrf}
    response = render(request, "areas/sign_in.html", None, values, status)
    site.sessions.write(request, response, session)
    return response


def _session_of_nobody(request: Request, site: Site) -> Session:
    """The one that another open sign-in page has already, or a new one."""
    session = site.sessions.read(request)
    return session if session and session.key_id is None else new_session()
