"""From an area's plain values to the page."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request
from starlette.responses import HTMLResponse

from api.pages.access import SignInNeeded, Viewer, viewer_of
from api.pages.navigation import places_of
from api.pages.site import site_of

THEME = "lookalike_theme"
THEMES = ("system", "light", "dark")


def render(
    request: Request,
    template: str,
    viewer: Viewer | None,
    values: Mapping[str, Any],
    status: HTTPStatus = HTTPStatus.OK,
) -> HTMLResponse:
    """The page. `values` are the template's; `viewer` None: a page that needs no key."""
    text = site_of(request).templates.get_template(template).render(**frame(request, viewer), **values)
    return HTMLResponse(text, status)


def frame(request: Request, viewer: Viewer | None) -> dict[str, Any]:
    """What base.html needs: who is looking, where they may go, in which colours."""
    return {
        "viewer": viewer,
        "places": places_of(viewer.principal) if viewer else (),
        "path": request.url.path,
        "theme": theme_of(request),
        "csrf": viewer.csrf if viewer else "",
    }


def theme_of(request: Request) -> str:
    """The colours that this browser asked for; the system's where it asked for none."""
    asked = request.cookies.get(THEME, "")
    return asked if asked in THEMES else THEMES[0]


def render_error(request: Request, status: HTTPStatus, detail: str, code: str) -> HTMLResponse:
    """A page that says what went wrong and what to do."""
    try:
        viewer = viewer_of(request, site_of(request))
    except SignInNeeded:
        viewer = None
    values = {"status": int(status), "phrase": status.phrase, "detail": detail, "code": code}
    return render(request, "error.html", viewer, values, status)
