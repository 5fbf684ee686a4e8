"""Registering somebody, and their pictures: what is sent becomes references, or is told why not.

    form ─▶ person and release, both or neither ─▶ each picture judged, one after the other ─▶ an outcome per file

The pictures are judged as on the command line; a rejected one is not kept anywhere.
"""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from api.agency import AgencyView
from api.enrolling import Portrait
from api.http.pictures import name_of
from api.pages.access import Viewer, viewing
from api.pages.areas.talents import Looked, talent_page
from api.pages.forms import Sent, sending
from api.pages.rendering import render
from api.pages.route import page_router
from api.pages.site import Site, TheSite
from api.pages.views.consent_form import Typed
from api.pages.views.enrolled import CHOOSE, Outcome, outcome_of
from api.roster import Person, Release, is_digest
from data.store import Talent
from detector.access import Scope
from detector.errors import (
    Conflict,
    Forbidden,
    InputError,
    InvalidRecord,
    LookalikeError,
    Overloaded,
    UsageError,
)
from detector.signals import Box

FIELDS = {
    "form.signed_at": ("signed_at", "The day of the signature"),
    "privacy.retention_until": ("retain_until", "The last day"),
    "form.document_sha256": ("document_sha256", "The SHA-256"),
    "grantor.name": ("guardian", "The guardian's name"),
    "grantor.role": ("guardian", "The guardian"),
}
"""Where faults of a release are shown, and what they speak of."""

router = page_router()

Writer = Annotated[Viewer, Depends(viewing(Scope.TALENTS_WRITE))]
Writing = Annotated[Sent, Depends(sending(Scope.TALENTS_WRITE))]


@router.get("/talents/new")
def new(request: Request, viewer: Writer) -> Response:
    return _form(request, viewer, Typed({}), {})


@router.post("/talents/new")
def register(request: Request, site: TheSite, sent: Writing) -> Response:
    view, typed = AgencyView(site.store, sent.viewer.principal), _with_digest(sent)
    faults = _amiss(typed)
    if faults:
        return _form(request, sent.viewer, typed, faults)
    try:
        if _pictures(sent):
            site.service.require_loaded()
        person = _person(view, typed)
        every = typed.ticked("wants_every_report")
        talent = site.service.application.registration.register(
            person, _release(typed), wants_every_report=every
        )
    except (UsageError, Conflict, Forbidden, Overloaded) as error:
        return _form(request, sent.viewer, typed, _faults(error))
    if not _pictures(sent):
        return RedirectResponse(f"/talents/{talent.id}?done=talent.registered", HTTPStatus.SEE_OTHER)
    looked = Looked(talent, outcomes=_enrolled(site, view, talent, sent), registered=True)
    return talent_page(request, site, sent.viewer, looked)


@router.post("/talents/{talent_id}/references")
def send(talent_id: str, request: Request, site: TheSite, sent: Writing) -> Response:
    view = AgencyView(site.store, sent.viewer.principal)
    talent = view.talent(talent_id)
    if not _pictures(sent):
        return RedirectResponse(f"/talents/{talent.id}?done=pictures.none", HTTPStatus.SEE_OTHER)
    site.service.require_loaded()
    looked = Looked(talent, outcomes=_enrolled(site, view, talent, sent))
    return talent_page(request, site, sent.viewer, looked)


@router.post("/talents/{talent_id}/references/{reference_id}/remove")
def remove(talent_id: str, reference_id: str, site: TheSite, sent: Writing) -> Response:
    kept = AgencyView(site.store, sent.viewer.principal).reference(reference_id)
    site.store.references.remove(kept.id)
    return RedirectResponse(f"/talents/{kept.talent_id}?done=reference.removed", HTTPStatus.SEE_OTHER)


def _pictures(sent: Sent) -> list[UploadFile]:
    return [each for each in sent.files.get("pictures", ()) if each.filename]


def _enrolled(site: Site, view: AgencyView, talent: Talent, sent: Sent) -> tuple[Outcome, ...]:
    """Each picture's outcome, in the order in which they were sent."""
    return tuple(_enrol(site, view, talent, sent, picture) for picture in _pictures(sent))


def _enrol(site: Site, view: AgencyView, talent: Talent, sent: Sent, picture: UploadFile) -> Outcome:
    data = picture.file.read(site.service.settings.decode_max_bytes + 1)
    portrait = Portrait(name_of(picture), lambda: data, _box(sent), bool(sent.text("confirm")))
    result = site.service.enrolling.portrait(view, talent, portrait)
    return outcome_of(result, _size(site, data) if result.code == CHOOSE else None)


def _size(site: Site, data: bytes) -> tuple[int, int] | None:
    try:
        picture = site.service.application.decoder(data, source="")
    except InputError:
        return None
    return picture.width, picture.height


def _box(sent: Sent) -> Box | None:
    """The face that was chosen on the page before; None for what is no box."""
    try:
        x, y, width, height = (float(part) for part in sent.text("box").split(","))
    except ValueError:
        return None
    return Box(x, y, width, height) if 0 < width < float("inf") and 0 < height < float("inf") else None


def _with_digest(sent: Sent) -> Typed:
    paper, texts = sent.file("document"), dict(sent.texts)
    if paper is not None:
        texts["document_sha256"] = (hashlib.sha256(paper.file.read()).hexdigest(),)
    return Typed(texts)


def _amiss(typed: Typed) -> dict[str, str]:
    needed = {"ref": "Give the agency's reference.", "name": "Give the name."}
    release = ("document_sha256", "retain_until")
    if any(typed.text(name) for name in release) and not typed.text("signed_at"):
        needed["signed_at"] = "Say when the release was signed."
    faults = {name: told for name, told in needed.items() if not typed.text(name)}
    if typed.text("document_sha256") and not is_digest(typed.text("document_sha256")):
        faults["document_sha256"] = "A SHA-256 has 64 digits, 0 to 9 and a to f."
    return faults


def _person(view: AgencyView, typed: Typed) -> Person:
    agency = view.agency.of_new(typed.text("agency") or None)
    return Person(typed.text("ref"), typed.text("name"), agency, typed.ticked("minor"))


def _release(typed: Typed) -> Release | None:
    """A document is only ever stated by its SHA-256: a name would be taken for a file of this machine."""
    if not typed.text("signed_at"):
        return None
    guardian = typed.text("guardian") or None
    document = typed.text("document_sha256") or None
    return Release(typed.text("signed_at"), typed.text("retain_until") or None, document, guardian)


def _faults(error: LookalikeError) -> dict[str, str]:
    if isinstance(error, InvalidRecord):
        return _release_faults(error.faults)
    if isinstance(error, Conflict):
        return {"ref": error.detail}
    if isinstance(error, Forbidden):
        return {"agency": error.detail}
    return {"": error.detail}


def _release_faults(faults: tuple[str, ...]) -> dict[str, str]:
    told: dict[str, str] = {}
    for fault in faults:
        path, _, sentence = fault.partition(": ")
        field, label = FIELDS.get(path, ("", path))
        told[field] = " ".join(filter(None, (told.get(field), f"{label} {sentence}.")))
    return told


def _form(request: Request, viewer: Viewer, typed: Typed, faults: dict[str, str]) -> Response:
    values = {"typed": typed, "faults": faults, "own_agency": viewer.principal.agency}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK
    return render(request, "talents/new.html", viewer, values, status)
