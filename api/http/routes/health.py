"""Whether the process lives, whether it can answer, and its figures."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from api.http.access import may
from api.http.metrics import MEDIA_TYPE
from api.http.problems import documented
from api.http.service import TheService
from detector.access import Principal, Scope

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    status: str = Field(examples=["ok"])


class ObstacleView(BaseModel):
    """One reason why the process can't answer checks."""

    code: str = Field(
        description="index_not_loaded, index_stale, store_down, weights_missing, …",
        examples=["index_not_loaded"],
    )
    detail: str


class Ready(BaseModel):
    ready: bool
    reasons: list[ObstacleView]


@router.get("/livez", operation_id="health.live", summary="Whether the process runs")
def live() -> Alive:
    return Alive(status="ok")


@router.get(
    "/readyz",
    operation_id="health.ready",
    summary="Whether the process can answer checks, and if not, why",
    responses={503: {"model": Ready, "description": "Not ready"}},
)
def ready(service: TheService, response: Response) -> Ready:
    found = [ObstacleView(code=each.code, detail=each.detail) for each in service.obstacles()]
    response.status_code = 503 if found else 200
    return Ready(ready=not found, reasons=found)


@router.get(
    "/metrics",
    operation_id="health.metrics",
    summary="Figures of this process, in Prometheus' text format",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **documented()},
)
def metrics(request: Request, _: Annotated[Principal, may(Scope.METRICS_READ)]) -> Response:
    return Response(request.app.state.metrics.text(), media_type=MEDIA_TYPE)


@router.get(
    "/v1/openapi.json",
    operation_id="health.openapi",
    summary="This document",
    response_class=JSONResponse,
    responses=documented(),
)
def openapi(request: Request) -> dict[str, Any]:
    document: dict[str, Any] = request.app.openapi()
    return document
