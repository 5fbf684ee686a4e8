"""The HTTP application: what surrounds each call, and the routes.

    Identified ─▶ Keyed ─▶ Rated ─▶ Limited ─▶ Idempotent ─▶ routes of api.http.routes

`create_app(service)` builds it around a service; nothing here is a module-level object. The networks load beside the
first calls; `/readyz` says when they are there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.middleware import Middleware

from api import pages
from api.http import problems
from api.http.access import Refusals, scopes_of
from api.http.asgi import MACHINE_PATHS
from api.http.document import with_short_names
from api.http.envelope import BodyLimits, Identified, Keyed, Limited, Rated
from api.http.idempotency import Idempotent
from api.http.metrics import Metrics
from api.http.routes import (
    checks,
    consents,
    findings,
    health,
    imports,
    keys,
    references,
    scans,
    talents,
    webhooks,
)
from api.http.service import Service

ROUTES = (health, keys, talents, references, consents, imports, checks, scans, findings, webhooks)
"""Modules with a `router`. A resource is one module and one line here."""

TITLE = "Lookalike"
SUMMARY = "Is a registered talent's likeness in this picture, and does a consent record allow this use?"


def create_app(service: Service) -> FastAPI:
    """The application around one service, which it warms up and closes."""
    app = FastAPI(
        title=TITLE,
        summary=SUMMARY,
        version=version("lookalike"),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(service),
        middleware=_middleware(service, metrics := Metrics(), refusals := Refusals()),
        redirect_slashes=False,
    )
    app.state.service, app.state.metrics, app.state.refusals = service, metrics, refusals
    metrics.gauge("checks_waiting", "Checks that no worker has taken yet.", lambda: service.checks.waiting)
    app.state.api_routes = api_routes()
    problems.install(app)
    for module in ROUTES:
        app.include_router(module.router)
    pages.mount(app, service)
    app.openapi = lambda: openapi_of(app)  # type: ignore[method-assign] # FastAPI's documented way to extend it
    return app


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes, description=_ABOUT
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        template = "#/components/schemas/{model}"
        schemas["Problem"] = problems.Problem.model_json_schema(ref_template=template)
        for model in (model for module in ROUTES for model in getattr(module, "BODY_MODELS", ())):
            schemas[model.__name__] = model.model_json_schema(ref_template=template)
        for described in [schema for schema in schemas.values() if "$defs" in schema]:
            schemas.update(described.pop("$defs"))
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        _say_scopes(document)
        app.openapi_schema = with_short_names(document)
    return app.openapi_schema


def api_routes() -> list[APIRoute]:
    """Every operation's route."""
    routes = (route for module in ROUTES for route in module.router.routes)
    return [route for route in routes if isinstance(route, APIRoute)]


def _say_scopes(document: dict[str, Any]) -> None:
    """Each operation names the scope that its key needs; only health needs no key."""
    for route in api_routes():
        if route.path.startswith(MACHINE_PATHS):
            scopes = sorted(map(str, scopes_of(route.dependant)))
            for method in route.methods or ():
                document["paths"][route.path_format][method.lower()]["security"] = [{"key": scopes}]


_ABOUT = """Every call but health needs a key: `Authorization: Bearer lk_…`. Refusals and failures are problem documents
(RFC 9457) with a stable `code` and a `request_id`. `Idempotency-Key` makes any POST safe to repeat."""


def _middleware(service: Service, metrics: Metrics, refusals: Refusals) -> list[Middleware]:
    settings = service.settings
    limits = BodyLimits(settings.http_max_body, settings.http_body_seconds)
    return [
        Middleware(Identified, metrics=metrics),
        Middleware(Keyed, service=service, refusals=refusals),
        Middleware(Rated, per_minute=settings.http_rate),
        Middleware(Limited, limits=limits),
        Middleware(Idempotent, service=service),
    ]


def _lifespan(service: Service) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        loading = service.warm_up_beside()
        try:
            yield
        finally:
            loading.join()
            service.close()

    return life
