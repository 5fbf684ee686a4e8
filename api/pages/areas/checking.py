"""Check a picture: a file and its use go in, the verdict with its evidence comes out.

    /check ─ POST picture, use ─▶ service.checks (the same pool as for programs) ─▶ the same page with the answer

Nothing of a picture that isn't flagged is kept: the page shows it from the browser's own copy, where scripts run.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from api.checking import Check
from api.http.checks import CheckAnswer
from api.http.claims import use_claimed
from api.http.pictures import name_of
from api.http.problems import status_of
from api.pages.access import Viewer, viewing
from api.pages.forms import Sent, sending
from api.pages.gallery import PageGallery
from api.pages.rendering import render
from api.pages.route import page_router
from api.pages.site import Site, TheSite
from api.pages.views.claims import MAIN, MORE
from api.pages.views.credentials import facts_of
from api.pages.views.strengths import rivals, scale_of
from api.reports.cards import card_of
from api.uses import USE_COLUMNS
from detector.access import Scope
from detector.errors import InputError, LookalikeError, Overloaded, TooLarge, UsageError
from detector.pipeline import Submission

router = page_router()

EXPECTED = (InputError, UsageError, TooLarge, Overloaded)
"""What a person can put right, so that the form comes back with it."""


@router.get("/check")
def form(
    request: Request, site: TheSite, viewer: Annotated[Viewer, Depends(viewing(Scope.CHECKS_WRITE))]
) -> Response:
    given = {name: request.query_params.get(name, "") for name in USE_COLUMNS}
    return _page(request, viewer, given, {})


@router.post("/check")
def check(
    request: Request, site: TheSite, sent: Annotated[Sent, Depends(sending(Scope.CHECKS_WRITE))]
) -> Response:
    given = {name: sent.text(name) for name in USE_COLUMNS}
    try:
        answer = _answer(site, sent, given)
    except EXPECTED as error:
        return _refused(request, sent.viewer, given, error)
    return _page(request, sent.viewer, given, _shown(site, sent.viewer, answer))


def _answer(site: Site, sent: Sent, given: Mapping[str, str]) -> CheckAnswer:
    """Raises InputError, UsageError, TooLarge, Overloaded, Forbidden."""
    service, principal = site.service, sent.viewer.principal
    service.require_loaded()
    upload = sent.file("picture")
    if upload is None:
        raise UsageError("choose a picture first")
    use = use_claimed({name: text for name, text in given.items() if text}, principal)
    data = _read(upload, service.settings.decode_max_bytes)
    return service.checks.answer_here(Check(Submission(name_of(upload), data, use)), principal)


def _read(upload: UploadFile, most: int) -> bytes:
    if upload.size is not None and upload.size > most:
        raise TooLarge(f"the picture is above the {most:,} bytes that this service opens", code="too_large")
    return upload.file.read()


def _refused(request: Request, viewer: Viewer, given: Mapping[str, str], error: LookalikeError) -> Response:
    return _page(request, viewer, given, {"fault": error.detail}, status_of(error))


def _shown(site: Site, viewer: Viewer, answer: CheckAnswer) -> dict[str, Any]:
    """The answer as the template needs it."""
    finding = site.store.findings.get(answer.finding_id) if answer.finding_id else None
    scale = scale_of(answer.row)
    return {
        "row": answer.row,
        "card": card_of(0, answer.row, PageGallery(site.service, viewer, finding), scale),
        "rivals_of": lambda gauge: rivals(answer.row, gauge, scale),
        "claims": facts_of(answer.row.get("credentials")),
        "finding_id": answer.finding_id if viewer.may(Scope.FINDINGS_READ) else None,
    }


def _page(
    request: Request,
    viewer: Viewer,
    given: Mapping[str, str],
    shown: Mapping[str, Any],
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    values = {
        "given": {**given, "client": given["client"] or viewer.principal.client or ""},
        "main": MAIN,
        "more": MORE,
        "opened": any(given[asked.name] for asked in MORE),
        "links_consents": viewer.may(Scope.CONSENTS_READ),
        "fault": "",
        "row": None,
        **shown,
    }
    return render(request, "areas/check.html", viewer, values, status)
