"""Scans: many pictures in one job.

files · web addresses · a feed ─▶ 202 and the scan ─▶ progress · rows as JSON Lines while it runs · cancel · resume
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError
from starlette.datastructures import FormData, UploadFile

from api.http.access import may, visible
from api.http.claims import ClaimedUse, moment_of
from api.http.moments import RequestMoment
from api.http.paging import PageOf, ThePage
from api.http.problems import documented
from api.http.service import Service, TheService
from api.jobs.ordering import MAX_PICTURES, Entry, ScanOrder, entries_of_feed, entry_of
from api.scan_lines import scan_lines
from api.settings import Settings
from api.uses import USE_COLUMNS
from data.sources.archive import Archive
from data.sources.bundle import Bundle, BundleLimits, UploadedFiles
from data.store.scans import Progress, Scan, ScanState
from detector.access import Principal, Scope
from detector.errors import UnsupportedMedia, UsageError

router = APIRouter(prefix="/v1/scans", tags=["scans"])

Reading = Annotated[Principal, may(Scope.SCANS_READ)]
Writing = Annotated[Principal, may(Scope.SCANS_WRITE)]

MAX_FILES = 1000
UNPACKED = 4
"""A ZIP may hold this many times the largest request: pictures hardly shrink in one."""
NDJSON = "application/x-ndjson"
_PART_BYTES = 64 * 1024


class ListedPicture(BaseModel):
    """A picture on the web, and what differs from the scan's use; other keys are carried along."""

    model_config = ConfigDict(extra="allow")

    image: str = Field(max_length=2000, examples=["https://shop.example/looks/17.jpg"])


class ScanRequest(BaseModel):
    """A scan of web addresses."""

    model_config = ConfigDict(extra="forbid")

    pictures: Annotated[
        list[ListedPicture | Annotated[str, Field(max_length=2000)]],
        Field(min_length=1, max_length=MAX_PICTURES),
        FailFast(),
    ]
    label: str = Field("", max_length=200, description="What to call the scan.")
    use: ClaimedUse = ClaimedUse()
    as_of: RequestMoment | None = Field(None, description="The moment that all verdicts speak of; else now.")


class QueriedOrder(ClaimedUse):
    """What is claimed of all pictures of a feed that is sent as the body."""

    label: str = Field("", max_length=200, description="What to call the scan.")
    as_of: RequestMoment | None = Field(None, description="The moment that all verdicts speak of; else now.")


class ProgressView(BaseModel):
    """How far a scan is. `failed`: pictures that could not be checked."""

    total: int
    checked: int
    failed: int
    flagged: int
    verdicts: dict[str, int]


class ScanView(BaseModel):
    """One scan as it stands."""

    id: str = Field(examples=["scn_06f3k9x2c4abcdefghjk"])
    label: str
    state: ScanState
    client: str | None
    use: dict[str, str] = Field(
        description="What is claimed of every picture unless its line says otherwise."
    )
    as_of: datetime = Field(description="The moment that every verdict speaks of.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    error: str | None = Field(description="Why a failed scan failed.")
    progress: ProgressView

    @classmethod
    def of(cls, scan: Scan, progress: Progress) -> ScanView:
        facts = {name: getattr(scan, name) for name in cls.model_fields if name != "progress"}
        figures = {name: getattr(progress, name) for name in ProgressView.model_fields}
        return cls(**facts, progress=ProgressView(**figures))


_FORM = {
    "type": "object",
    "properties": {
        "pictures": {"type": "array", "items": {"type": "string", "format": "binary"}},
        "archive": {"type": "string", "format": "binary", "description": "A ZIP of pictures."},
        "feed": {"type": "string", "format": "binary", "description": "JSON Lines that name them."},
        "label": {"type": "string"},
        "as_of": {"type": "string"},
    },
    "additionalProperties": {"type": "string"},
    "description": "Files, or a ZIP of them; a feed that names them or web addresses; any fields of the use.",
}
EXAMPLE = {
    "label": "spring looks",
    "pictures": ["https://shop.example/looks/17.jpg"],
    "use": {"medium": "ecommerce"},
}
_BODIES = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/ScanRequest"},
                "examples": {"addresses": {"value": EXAMPLE}},
            },
            "multipart/form-data": {"schema": _FORM},
            NDJSON: {"schema": {"type": "string", "description": "A feed of web addresses."}},
        },
    }
}
BODY_MODELS = (ScanRequest,)
"""Models of a body that the route reads by itself; the OpenAPI document takes them in."""


@router.post(
    "",
    status_code=202,
    operation_id="scans.create",
    summary="Order a scan of many pictures: files, web addresses, or a feed of both",
    responses={202: {"model": ScanView}, **documented(409, 415)},
    openapi_extra=_BODIES,
)
async def create(
    request: Request,
    response: Response,
    service: TheService,
    caller: Writing,
    claimed: Annotated[QueriedOrder, Query()],
) -> ScanView:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with request.form(max_files=MAX_FILES, max_fields=50, max_part_size=_PART_BYTES) as form:
            return await run_sync(
                lambda: _placed(service, caller, _of_form(form, claimed, service), response)
            )
    body = await request.body()
    return await run_sync(lambda: _placed(service, caller, _of_body(kind, body, claimed), response))


def _of_body(kind: str, body: bytes, claimed: QueriedOrder) -> ScanOrder:
    if kind == "application/json":
        return _of_document(body, claimed)
    if kind == NDJSON:
        return ScanOrder(entries_of_feed(body), None, claimed.label, claimed.columns(), claimed.as_of)
    raise UnsupportedMedia(f"send files as multipart/form-data, a feed as {NDJSON}, or application/json")


def _placed(service: Service, caller: Principal, order: ScanOrder, response: Response) -> ScanView:
    scan = service.scans.place(order, caller)
    response.headers["Location"] = f"{router.prefix}/{scan.id}"
    return _view(service, scan)


def _of_document(body: bytes, claimed: QueriedOrder) -> ScanOrder:
    try:
        asked = ScanRequest.model_validate_json(body)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        raise RequestValidationError(faults) from error
    entries = [
        Entry(each) if isinstance(each, str) else entry_of(each.model_dump()) for each in asked.pictures
    ]
    use = {**claimed.columns(), **asked.use.columns()}
    return ScanOrder(entries, None, asked.label or claimed.label, use, asked.as_of or claimed.as_of)


def _of_form(form: FormData, claimed: QueriedOrder, service: Service) -> ScanOrder:
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    label, at = fields.pop("label", claimed.label), moment_of(fields.pop("as_of", None))
    strange = sorted(set(fields) - set(USE_COLUMNS))
    if strange:
        raise UsageError(f"there is no field {strange[0][:40]!a}; docs/service.md lists those of a use")
    feed = form.get("feed")
    entries = entries_of_feed(feed.file.read()) if isinstance(feed, UploadFile) else []
    use = {**claimed.columns(), **fields}
    return ScanOrder(entries, _files(form, service.settings), label[:200], use, at or claimed.as_of)


def _files(form: FormData, settings: Settings) -> Bundle:
    limits = BundleLimits(MAX_FILES, settings.decode_max_bytes, UNPACKED * settings.http_max_body)
    sent = [each for each in form.getlist("pictures") if isinstance(each, UploadFile)]
    archive = form.get("archive")
    if isinstance(archive, UploadFile):
        if sent:
            raise UsageError("send either `pictures` or `archive` (a ZIP of them)")
        return Archive(archive.file, limits)
    return UploadedFiles([(each.filename or "", each.file) for each in sent], limits)


@router.get("", operation_id="scans.list", summary="Scans, newest first", responses=documented())
def list_scans(service: TheService, caller: Reading, page: ThePage) -> PageOf[ScanView]:
    after = page.after("scans.list", caller.client)
    found = service.store.scans.page(caller.client, str(after[0]) if after else None, page.limit + 1)
    shown, more = found[: page.limit], len(found) > page.limit
    counts = service.store.scans.progress([scan.id for scan in shown])
    items = [ScanView.of(scan, counts[scan.id]) for scan in shown]
    return PageOf(items=items, next=page.next([shown[-1].id], "scans.list", caller.client) if more else None)


@router.get(
    "/{scan_id}", operation_id="scans.get", summary="One scan and its progress", responses=documented(404)
)
def get(service: TheService, caller: Reading, scan_id: str) -> ScanView:
    return _view(service, _seen(service, caller, scan_id))


@router.get(
    "/{scan_id}/rows",
    operation_id="scans.rows",
    summary="The rows made so far, one JSON object per line, in the order of the pictures",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {NDJSON: {"schema": {"type": "string"}}},
            "description": "Rows of docs/finding.schema.json, each with its `number` and `finding_id`.",
        },
        **documented(404),
    },
)
def rows(
    service: TheService,
    caller: Reading,
    scan_id: str,
    after: Annotated[
        int, Query(ge=-1, le=2**31 - 1, description="The last `number` had; -1: from the first.")
    ] = -1,
) -> StreamingResponse:
    _seen(service, caller, scan_id)
    return StreamingResponse(scan_lines(service.store, caller, scan_id, after), media_type=NDJSON)


@router.post(
    "/{scan_id}/cancel",
    operation_id="scans.cancel",
    summary="Stop a scan; the rows made so far stay",
    responses=documented(404, 409),
)
def cancel(service: TheService, caller: Writing, scan_id: str) -> ScanView:
    _seen(service, caller, scan_id)
    return _view(service, service.scans.cancel(scan_id))


@router.post(
    "/{scan_id}/resume",
    operation_id="scans.resume",
    summary="Have a failed scan go on with the pictures that have no row",
    responses=documented(404, 409),
)
def resume(service: TheService, caller: Writing, scan_id: str) -> ScanView:
    _seen(service, caller, scan_id)
    return _view(service, service.scans.resume(scan_id))


def _seen(service: Service, caller: Principal, scan_id: str) -> Scan:
    scan = service.store.scans.get(scan_id)
    visible(caller.sees_client(scan.client), "scan")
    return scan


def _view(service: Service, scan: Scan) -> ScanView:
    return ScanView.of(scan, service.store.scans.progress([scan.id])[scan.id])
