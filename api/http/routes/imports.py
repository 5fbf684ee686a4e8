"""Imports: a roster of people with their releases and pictures, in one call. Each row has its own answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, File, UploadFile
from pydantic import BaseModel, Field

from api.agency import AgencyView
from api.bundled_roster import InBundle, rows_in, rows_of
from api.http.pictures import name_of
from api.http.problems import documented
from api.http.service import TheService
from api.http.views import view
from api.importing import ImportResult
from api.roster import RosterRow
from api.settings import MEBIBYTE, Settings
from data.sources.archive import Archive
from data.sources.bundle import BundleLimits, UploadedFiles
from detector.access import Scope
from detector.errors import TooLarge, UsageError
from indexer.enrolment import Status

router = APIRouter(prefix="/v1/imports", tags=["imports"])

Writing = Annotated[AgencyView, view(Scope.TALENTS_WRITE)]

MAX_ROSTER = 4 * MEBIBYTE
UNPACKED = 4
"""A ZIP may hold this many times the largest request: pictures hardly shrink in one."""


class ImportRow(BaseModel):
    """What became of one row. `unchanged`: it was on record before."""

    row: int = Field(description="Its number in the roster, from 1.")
    talent_ref: str
    image: str
    status: Status
    code: str | None
    detail: str | None


class ImportCounts(BaseModel):
    accepted: int
    unchanged: int
    rejected: int


class ImportView(BaseModel):
    """One answer per row, in order. A rejected row puts nothing on record; the others stay all the same."""

    items: list[ImportRow]
    counts: ImportCounts


@router.post(
    "",
    operation_id="imports.create",
    summary="Register people with their releases and pictures",
    responses=documented(409),
)
def create(
    service: TheService,
    seen: Writing,
    archive: Annotated[
        UploadFile | None,
        File(description="A ZIP of the roster and all that it names. Instead of the other two."),
    ] = None,
    roster: Annotated[
        UploadFile | None,
        File(description="A CSV file with the columns talent_ref, name, image; docs/cli.md has the others."),
    ] = None,
    files: Annotated[
        list[UploadFile] | None, File(description="The pictures and documents that it names.")
    ] = None,
) -> ImportView:
    """Sending the same roster again changes nothing, so an import that broke off is simply sent anew."""
    service.require_loaded()
    rows = _rows(service.settings, archive, roster, files or [])
    return _answer(rows, service.enrolling.roster(seen, rows))


def _rows(
    settings: Settings, archive: UploadFile | None, roster: UploadFile | None, files: Sequence[UploadFile]
) -> list[RosterRow]:
    limits = BundleLimits(file_bytes=settings.decode_max_bytes, total_bytes=UNPACKED * settings.http_max_body)
    if archive is not None and roster is None and not files:
        return rows_in(Archive(archive.file, limits))
    if roster is None or archive is not None:
        raise UsageError("send either `archive` (a ZIP), or `roster` (a CSV file) with its `files`")
    body = roster.file.read(MAX_ROSTER + 1)
    if len(body) > MAX_ROSTER:
        raise TooLarge(f"the roster is above {MAX_ROSTER // MEBIBYTE} MiB; send it in parts")
    bundle = UploadedFiles([(each.filename or "", each.file) for each in files], limits)
    return rows_of(body, name_of(roster), InBundle(bundle))


def _answer(rows: Sequence[RosterRow], results: Sequence[ImportResult]) -> ImportView:
    items = [
        ImportRow(
            row=row.number,
            talent_ref=result.talent_ref,
            image=result.image,
            status=result.status,
            code=result.code,
            detail=result.detail,
        )
        for row, result in zip(rows, results, strict=True)
    ]
    counts = Counter(item.status for item in items)
    return ImportView(items=items, counts=ImportCounts(**{str(each): counts[each] for each in Status}))
