"""Checks: one picture and its use, and the whole answer at once.

    multipart · raw bytes · {"url"} ─▶ Check ─▶ api.http.checks (pool, networks) ─▶ row + finding_id
    signals computed elsewhere ─────▶ Sighting ─┘

These operations are coroutines: a call that waits for the networks holds no thread.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile

from api.checking import Check
from api.http.access import may
from api.http.checks import CheckAnswer
from api.http.claims import ClaimedUse, moment_of, use_claimed
from api.http.moments import RequestMoment
from api.http.pictures import name_of
from api.http.problems import documented
from api.http.service import Service, TheService
from api.signal_document import SignalDocument, SignalNames, require_same
from data.sources.web import address_named
from detector.access import Principal, Scope
from detector.errors import InputError, TooLarge, UnsupportedMedia, UsageError
from detector.faces.sface import SIGNAL
from detector.pipeline import Submission

router = APIRouter(prefix="/v1/checks", tags=["checks"])

Caller = Annotated[Principal, may(Scope.CHECKS_WRITE)]

PICTURE = "picture"
"""The form's field that holds the file."""

_PART_BYTES = 64 * 1024


class AddressCheck(BaseModel):
    """A picture on the web, and its use."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=2000, examples=["https://shop.example/looks/17.jpg"])
    use: ClaimedUse = ClaimedUse()
    as_of: RequestMoment | None = Field(None, description="The moment that the verdict speaks of; else now.")


class QueriedUse(ClaimedUse):
    """The use in the query, for a picture that is sent as raw bytes; fields of a form or document win."""

    as_of: RequestMoment | None = Field(None, description="The moment that the verdict speaks of; else now.")
    source: str = Field(
        PICTURE, min_length=1, max_length=500, description="What to call a picture of raw bytes."
    )


class SignalCheck(SignalDocument):
    """One picture's signals, computed by the caller, and its use."""

    use: ClaimedUse = ClaimedUse()
    as_of: RequestMoment | None = Field(None, description="The moment that the verdict speaks of; else now.")


EXAMPLE = {
    "source": "look-17.jpg",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "width": 1200,
    "height": 1600,
    "signals": {"face": str(SIGNAL)},
    "faces": [],
    "use": {"medium": "ecommerce", "territory": "GB"},
}
"""A picture without a face; `lookalike check --remote --private` makes such documents."""


class CheckView(BaseModel):
    """The answer to one check: the row that docs/finding.schema.json describes in full, and the finding kept."""

    model_config = ConfigDict(extra="allow")

    source: str
    sha256: str | None
    use: dict[str, Any] = Field(description="What was claimed.")
    status: str = Field(examples=["ok"])
    width: int | None
    height: int | None
    faces: list[dict[str, Any]] = Field(description="Each with its box, quality, candidates and decision.")
    unsearched_faces: list[dict[str, Any]] = Field(description="Faces nobody was looked for by, and why.")
    copies: list[dict[str, Any]] = Field(description="References that the picture is a copy of.")
    verdict: str | None = Field(description="The gravest of all decisions.", examples=["no_consent"])
    severity: str | None
    decision: dict[str, Any] | None
    threshold_applied: dict[str, float]
    signals: dict[str, Any] = Field(description="What the answer was computed with, and what was off.")
    as_of: datetime
    finding_id: str | None = Field(
        description="Where the flagged picture waits for a review; null: not flagged."
    )


_ANSWER: dict[int | str, dict[str, Any]] = {200: {"model": CheckView}, **documented(415)}

_FORM = {
    "type": "object",
    "required": [PICTURE],
    "properties": {PICTURE: {"type": "string", "format": "binary"}, "as_of": {"type": "string"}},
    "additionalProperties": {"type": "string"},
    "description": "The file, and any fields of the use.",
}
_RAW = {"schema": {"type": "string", "format": "binary"}}
_BODIES = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FORM},
            "application/json": {
                "schema": {"$ref": "#/components/schemas/AddressCheck"},
                "examples": {"address": {"value": {"url": "https://shop.example/looks/17.jpg"}}},
            },
            "image/jpeg": _RAW,
            "image/png": _RAW,
            "image/webp": _RAW,
            "application/octet-stream": _RAW,
        },
    }
}

BODY_MODELS = (AddressCheck,)
"""Models of a body that the route reads by itself; the OpenAPI document takes them in."""


@router.post(
    "",
    operation_id="checks.create",
    summary="Check one picture: sent as a form, as raw bytes, or by its address",
    responses=_ANSWER,
    openapi_extra=_BODIES,
)
async def create(
    request: Request,
    service: TheService,
    caller: Caller,
    claimed: Annotated[QueriedUse, Query()],
) -> JSONResponse:
    service.require_loaded()
    service.checks.require_room()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    columns = claimed.columns()
    if kind == "multipart/form-data":
        check = await _of_form(request, service, caller, columns)
    elif kind == "application/json":
        check = await _of_address(request, service, caller, columns)
    elif kind.startswith("image/") or kind == "application/octet-stream":
        data = await _body(request, service.settings.decode_max_bytes)
        check = Check(Submission(claimed.source, data, use_claimed(columns, caller)), claimed.as_of)
    else:
        raise UnsupportedMedia(
            "send the picture as multipart/form-data, as image/… or its address as application/json"
        )
    return _answered(await service.checks.answer(check, caller))


async def _of_form(request: Request, service: Service, caller: Principal, columns: dict[str, str]) -> Check:
    most = service.settings.decode_max_bytes
    async with request.form(max_files=1, max_fields=50, max_part_size=_PART_BYTES) as form:
        upload = form.get(PICTURE)
        if not isinstance(upload, UploadFile):
            raise UsageError(f"the form needs the file in the field `{PICTURE}`", code="invalid_request")
        if upload.size is not None and upload.size > most:
            raise _too_large(most)
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        at = moment_of(fields.pop("as_of", None))
        use = use_claimed({**columns, **fields}, caller)
        return Check(Submission(name_of(upload), await upload.read(), use), at)


async def _of_address(
    request: Request, service: Service, caller: Principal, columns: dict[str, str]
) -> Check:
    try:
        asked = AddressCheck.model_validate_json(await request.body())
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        raise RequestValidationError(faults) from error
    use = use_claimed({**columns, **asked.use.columns()}, caller)
    fetched = await service.checks.fetch(asked.url)
    answered = {
        "url": address_named(fetched.url),
        "final_url": address_named(fetched.final_url),
        "headers": dict(fetched.headers),
    }
    return Check(Submission(fetched.url, fetched.data, use), asked.as_of, answered)


async def _body(request: Request, most: int) -> bytes:
    kept = bytearray()
    async for chunk in request.stream():
        kept += chunk
        if len(kept) > most:
            raise _too_large(most)
    return bytes(kept)


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the picture is above the {most:,} bytes that this service opens", code="too_large")


@router.get(
    "/signals",
    operation_id="checks.signal_ids",
    summary="What pictures are searched by here",
    responses=documented(),
)
def signal_ids(service: TheService, _: Caller) -> SignalNames:
    service.require_loaded()
    return SignalNames.of(service.application.extractor.made_by)


@router.post(
    "/signals",
    operation_id="checks.signals",
    summary="Check one picture by its signals, which the caller computed; the picture is not sent",
    responses={**_ANSWER, **documented(409)},
)
async def by_signals(
    service: TheService,
    caller: Caller,
    asked: Annotated[SignalCheck, Body(openapi_examples={"no face": {"value": EXAMPLE}})],
) -> JSONResponse:
    service.require_loaded()
    settings = service.settings
    if len(asked.faces) > settings.max_faces:
        raise InputError(
            f"{len(asked.faces)} faces; at most {settings.max_faces} are searched", code="too_many_faces"
        )
    if asked.width * asked.height > settings.decode_max_pixels:
        raise InputError(
            f"the picture is above {settings.decode_max_pixels:,} pixels", code="too_many_pixels"
        )
    sighting = asked.sighting(use_claimed(asked.use.columns(), caller))
    require_same(service.application.extractor.made_by, sighting.signals.made_by)
    return _answered(await service.checks.answer(Check(sighting, asked.as_of), caller))


def _answered(answer: CheckAnswer) -> JSONResponse:
    return JSONResponse({**answer.row, "finding_id": answer.finding_id})
