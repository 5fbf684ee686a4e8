"""The door: to the first area that a person may see, and the choice of colours."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from api.pages.access import Viewer, viewing
from api.pages.areas.sign_in import local_path
from api.pages.forms import require_own_page
from api.pages.navigation import places_of
from api.pages.rendering import THEME, THEMES
from api.pages.route import page_router

YEAR = 365 * 24 * 3600

router = page_router()


@router.get("/")
def home(viewer: Annotated[Viewer, Depends(viewing())]) -> Response:
    places = places_of(viewer.principal)
    return RedirectResponse(places[0].path if places else "/sign-in", HTTPStatus.SEE_OTHER)


@router.post("/theme")
async def theme(request: Request) -> Response:
    """Keep the choice of colours in the browser. It changes nothing else, so it needs no key."""
    require_own_page(request)
    form = await request.form(max_fields=4, max_files=0)
    response = RedirectResponse(local_path(str(form.get("next", ""))), HTTPStatus.SEE_OTHER)
    if form.get("theme") in THEMES:
        response.set_cookie(THEME, str(form["theme"]), max_age=YEAR, samesite="lax", httponly=True)
    return response
