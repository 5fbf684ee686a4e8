"""The pages: what people do with the service, rendered on the server.

    request ─ PageRoute (headers, errors as pages) ─▶ viewer (signed cookie, scopes) ─▶ an area ─▶ template

Pages hold no rule: an area asks the store and the services of `api`, makes plain values for a template, and renders. One
module per area in `api.pages.areas`, each with a `router`; adding an area is adding it to AREAS and to
`api.pages.navigation`.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.http.service import Service
from api.pages.areas import (
    checking,
    consent_forms,
    consents,
    dashboard,
    home,
    pictures,
    portraits,
    queue,
    review,
    scans,
    sign_in,
    talents,
)
from api.pages.headers import secured
from api.pages.site import Site

STATIC = Path(__file__).parent / "static"

AREAS: tuple[APIRouter, ...] = (
    home.router,
    sign_in.router,
    queue.router,
    review.router,
    pictures.router,
    checking.router,
    dashboard.router,
    consent_forms.router,
    consents.router,
    portraits.router,
    talents.router,
    scans.router,
)
"""Every area's router. `/consents/new` is asked before `/consents/{id}`, and so with talents and scans."""


class _Static(StaticFiles):
    """The style sheet and the scripts: checked again at each visit, so that a new version counts at once."""

    def file_response(self, *arguments: object, **options: object) -> Response:
        response = super().file_response(*arguments, **options)  # type: ignore[arg-type] # passed on as given
        response.headers["Cache-Control"] = "no-cache"
        return secured(response)

    async def get_response(self, path: str, scope: Scope) -> Response:
        return secured(await super().get_response(path, scope), store=True)


def mount(app: FastAPI, service: Service) -> None:
    """Add the pages to the service's application."""
    app.state.pages = Site.of(service)
    for router in AREAS:
        app.include_router(router, include_in_schema=False)
    app.mount("/static", _Static(directory=STATIC), name="static")
