"""Scans: ordered from files or web addresses, watched while they run, stopped, resumed, downloaded.

    /scans/new ─ POST ─▶ service.scans.place ─▶ /scans/{id}, which asks /scans/{id}/progress again and again

Without a script the page of a running scan is reloaded by hand. What may be ordered, and when a scan can be stopped or
resumed, is `api.jobs.ordering` and `data.store.scans`' to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from api.http.access import visible
from api.jobs.ordering import Entry, ScanOrder
from api.pages.access import Viewer, viewing
from api.pages.forms import MAX_FILES, Sent, sending
from api.pages.rendering import render
from api.pages.route import page_router
from api.pages.site import Site, TheSite
from api.pages.views.claims import MAIN, MORE
from api.pages.views.notices import told_of
from api.pages.views.scan_progress import Standing, claims, line_of, standing
from api.scan_lines import scan_lines
from api.uses import USE_COLUMNS
from data.sources.archive import Archive
from data.sources.bundle import Bundle, BundleLimits, UploadedFiles
from data.store.scans import Scan, ScanRow
from detector.access import Scope
from detector.errors import Conflict, Forbidden, InputError, UsageError
from detector.visibility import row_for

SHOWN = 25
"""Scans on a page."""

ROWS = 50
"""Results on a page."""

UNPACKED = 4
"""A ZIP may hold this many times the largest request: pictures hardly shrink in one."""

KNOWN_ID = re.compile(r"scn_[0-9a-z]+", re.ASCII)

router = page_router()

Reader = Annotated[Viewer, Depends(viewing(Scope.SCANS_READ))]
Writer = Annotated[Viewer, Depends(viewing(Scope.SCANS_WRITE))]
Writing = Annotated[Sent, Depends(sending(Scope.SCANS_WRITE))]


@router.get("/scans")
def show(request: Request, site: TheSite, viewer: Reader, before: str = "") -> Response:
    place = before if KNOWN_ID.fullmatch(before) else None
    found = site.store.scans.page(viewer.principal.client, place, SHOWN + 1)
    shown, now = found[:SHOWN], site.now()
    counts = site.store.scans.progress([scan.id for scan in shown])
    values = {
        "standings": [standing(scan, counts[scan.id], now) for scan in shown],
        "next": f"/scans?before={shown[-1].id}" if len(found) > SHOWN else None,
        "first": "/scans" if place else None,
        "may_write": viewer.may(Scope.SCANS_WRITE),
    }
    return render(request, "scans/list.html", viewer, values)


@router.get("/scans/new")
def new(request: Request, site: TheSite, viewer: Writer) -> Response:
    return _form(request, viewer, {}, "")


@router.post("/scans/new")
def place(request: Request, site: TheSite, sent: Writing) -> Response:
    try:
        scan = site.service.scans.place(_order(site, sent), sent.viewer.principal)
    except (UsageError, InputError, Forbidden) as error:
        return _form(request, sent.viewer, {name: sent.text(name) for name in sent.texts}, error.detail)
    return RedirectResponse(f"/scans/{scan.id}?done=scan.ordered", HTTPStatus.SEE_OTHER)


@router.get("/scans/{scan_id}")
def one(scan_id: str, request: Request, site: TheSite, viewer: Reader, after: int = -1) -> Response:
    scan = _seen(site, viewer, scan_id)
    place = min(max(after, -1), 2**31 - 1)
    found = site.store.scans.rows(scan.id, place, ROWS + 1)
    values = {
        "standing": _standing(site, scan),
        "lines": [line_of(_readable(viewer, each)) for each in found[:ROWS]],
        "next": f"/scans/{scan.id}?after={found[ROWS - 1].number}" if len(found) > ROWS else None,
        "first": f"/scans/{scan.id}" if place >= 0 else None,
        "claims": claims(scan),
        "opens_findings": viewer.may(Scope.FINDINGS_READ),
        "may_write": viewer.may(Scope.SCANS_WRITE),
        "told": told_of(request.query_params.get("done", "")),
    }
    return render(request, "scans/scan.html", viewer, values)


@router.get("/scans/{scan_id}/progress")
def progress(scan_id: str, request: Request, site: TheSite, viewer: Reader) -> Response:
    """The part of the page that changes while a scan runs."""
    values = {
        "standing": _standing(site, _seen(site, viewer, scan_id)),
        "may_write": viewer.may(Scope.SCANS_WRITE),
    }
    return render(request, "scans/progress.html", viewer, values)


@router.get("/scans/{scan_id}/rows.jsonl")
def rows(scan_id: str, site: TheSite, viewer: Reader) -> Response:
    scan = _seen(site, viewer, scan_id)
    headers = {"Content-Disposition": f'attachment; filename="{scan.id}.jsonl"'}
    return StreamingResponse(
        scan_lines(site.store, viewer.principal, scan.id), media_type="application/x-ndjson", headers=headers
    )


@router.post("/scans/{scan_id}/cancel")
def cancel(scan_id: str, site: TheSite, sent: Writing) -> Response:
    scan = _seen(site, sent.viewer, scan_id)
    try:
        site.service.scans.cancel(scan.id)
    except Conflict:
        return RedirectResponse(f"/scans/{scan.id}?done=scan.over", HTTPStatus.SEE_OTHER)
    return RedirectResponse(f"/scans/{scan.id}?done=scan.stopped", HTTPStatus.SEE_OTHER)


@router.post("/scans/{scan_id}/resume")
def resume(scan_id: str, site: TheSite, sent: Writing) -> Response:
    scan = _seen(site, sent.viewer, scan_id)
    try:
        site.service.scans.resume(scan.id)
    except Conflict:
        return RedirectResponse(f"/scans/{scan.id}?done=scan.not_failed", HTTPStatus.SEE_OTHER)
    return RedirectResponse(f"/scans/{scan.id}?done=scan.resumed", HTTPStatus.SEE_OTHER)


def _seen(site: Site, viewer: Viewer, scan_id: str) -> Scan:
    """The scan, if the viewer may know of it. Raises NotFound."""
    scan = site.store.scans.get(scan_id)
    visible(viewer.principal.sees_client(scan.client), "scan")
    return scan


def _standing(site: Site, scan: Scan) -> Standing:
    return standing(scan, site.store.scans.progress([scan.id])[scan.id], site.now())


def _readable(viewer: Viewer, found: ScanRow) -> ScanRow:
    """The row, without what it tells of other clients where the viewer works for one."""
    return replace(found, row=row_for(viewer.principal, found.row))


# Ordering one


def _order(site: Site, sent: Sent) -> ScanOrder:
    """What the form orders. Raises UsageError, InputError."""
    addresses = [line.strip() for line in sent.text("addresses").splitlines() if line.strip()]
    strange = next((address for address in addresses if "://" not in address), None)
    if strange is not None:
        raise UsageError(f"“{strange[:80]}” is no web address: write it whole, with https:// before it.")
    use = {name: sent.text(name) for name in USE_COLUMNS if sent.text(name)}
    entries = [Entry(address) for address in addresses]
    return ScanOrder(entries, _files(site, sent), sent.text("label")[:200], use)


def _files(site: Site, sent: Sent) -> Bundle | None:
    settings = site.service.settings
    limits = BundleLimits(
        files=1000, file_bytes=settings.decode_max_bytes, total_bytes=UNPACKED * settings.http_max_body
    )
    archive = sent.file("archive")
    pictures = [(each.filename, each.file) for each in sent.files.get("pictures", ()) if each.filename]
    if archive is not None and pictures:
        raise UsageError("Send either pictures or a ZIP of them, not both.")
    if archive is not None:
        return Archive(archive.file, limits)
    return UploadedFiles(pictures, limits) if pictures else None


def _form(request: Request, viewer: Viewer, typed: Mapping[str, Any], fault: str) -> Response:
    given = {name: typed.get(name, "") for name in (*USE_COLUMNS, "label", "addresses")}
    values = {
        "given": {**given, "client": given["client"] or viewer.principal.client or ""},
        "main": MAIN,
        "more": MORE,
        "opened": any(given[asked.name] for asked in MORE),
        "fault": fault,
        "most": MAX_FILES,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if fault else HTTPStatus.OK
    return render(request, "scans/new.html", viewer, values, status)
