"""The form that puts a consent on record, or its next version.

    typed ─▶ document ─▶ faults beside their fields, and nothing kept
                     └─▶ what it would count for ─ confirmed ─▶ kept

A record can't be taken back once it is kept, so one that would be void, or that a person should look at, is shown for
what it is first, and kept when it is sent again as it is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from api.agency import AgencyView
from api.pages.access import Viewer, viewing
from api.pages.areas.consents import people_of, talent_called
from api.pages.forms import Sent, sending
from api.pages.rendering import render
from api.pages.route import page_router
from api.pages.site import Site, TheSite
from api.pages.views.consent_form import FIRST, NO_FAULTS, Faults, Typed, document_of, faults_of, typed_of
from api.pages.views.consent_record import Remark, remarks
from api.pages.views.terms import sections_of
from api.pages.views.vocabulary import KINDS, kind_of
from data.store import Talent
from data.store.talents import TalentFilter
from detector.access import Scope
from detector.errors import Conflict, InvalidRecord
from detector.record import ConsentRecord

OFFERED = 200
"""Talents that the form's field suggests."""

ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Paris",
    "Europe/Berlin",
    "Europe/Madrid",
    "Europe/Rome",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Asia/Tokyo",
    "Asia/Seoul",
    "Asia/Shanghai",
    "Asia/Kolkata",
    "Australia/Sydney",
)
"""Suggestions; any IANA name counts."""

PAPERS = {"form.document.file": "form.document_sha256", "form.disclosure.file": "form.disclosure_sha256"}
"""Fields for a file, and the field that its SHA-256 goes into. The file itself is not kept."""

router = page_router()

Writer = Annotated[Viewer, Depends(viewing(Scope.CONSENTS_WRITE))]
Writing = Annotated[Sent, Depends(sending(Scope.CONSENTS_WRITE))]


@dataclass(frozen=True, slots=True)
class Draft:
    """The form as it stands: for whom, over which version, what was typed, what is wrong or to be looked at."""

    typed: Typed
    person: Talent | None = None
    before: ConsentRecord | None = None
    faults: Faults = NO_FAULTS
    remarks: tuple[Remark, ...] = ()

    @property
    def seen(self) -> str:
        """What a person who sends the form again has been shown."""
        return ",".join(remark.code for remark in self.remarks)


@router.get("/consents/new")
def new(request: Request, site: TheSite, viewer: Writer, talent: str = "", kind: str = "") -> Response:
    person = talent_called(AgencyView(site.store, viewer.principal), talent)
    given = {"kind": (kind,), "talent": (talent,)}
    return _form(request, site, viewer, Draft(Typed(FIRST | given), person))


@router.post("/consents/new")
def record(request: Request, site: TheSite, sent: Writing) -> Response:
    typed = with_papers(sent)
    person = talent_called(AgencyView(site.store, sent.viewer.principal), typed.text("talent"))
    return _settle(request, site, sent, Draft(typed, person))


@router.get("/consents/{consent_id}/revise")
def edit(consent_id: str, request: Request, site: TheSite, viewer: Writer) -> Response:
    view = AgencyView(site.store, viewer.principal)
    before = view.consent(consent_id)
    return _form(request, site, viewer, Draft(typed_of(before), view.talent(before.talent_id), before))


@router.post("/consents/{consent_id}/revise")
def revise(consent_id: str, request: Request, site: TheSite, sent: Writing) -> Response:
    view = AgencyView(site.store, sent.viewer.principal)
    before = view.consent(consent_id)
    typed = Typed({**with_papers(sent).texts, "kind": (str(before.kind),)})
    return _settle(request, site, sent, Draft(typed, view.talent(before.talent_id), before))


def with_papers(sent: Sent) -> Typed:
    """What was typed, with the digests of the files that were chosen, and the document's name where none was typed."""
    texts = dict(sent.texts)
    for name, digest in PAPERS.items():
        paper = sent.file(name)
        if paper is not None:
            texts[digest] = (hashlib.file_digest(paper.file, "sha256").hexdigest(),)  # type: ignore[arg-type] # a file
            if name == "form.document.file" and not sent.text("form.document"):
                texts["form.document"] = (paper.filename or "",)
    return Typed(texts)


def _settle(request: Request, site: Site, sent: Sent, draft: Draft) -> Response:
    """Keep the record, or show the form again with what stands in the way."""
    if draft.person is None:
        return _form(request, site, sent.viewer, replace(draft, faults=_nobody(draft.typed)))
    try:
        stated = _stated(site, sent, draft, draft.person)
        judged = replace(draft, remarks=remarks(stated))
        if judged.remarks and sent.text("seen") != judged.seen:
            return _form(request, site, sent.viewer, judged)
        kept = site.store.consents.add(stated)
    except InvalidRecord as error:
        return _form(request, site, sent.viewer, replace(draft, faults=faults_of(error.faults)))
    except Conflict as error:
        return _form(request, site, sent.viewer, replace(draft, faults=Faults({}, (error.detail,))))
    return RedirectResponse(f"/consents/{quote(kept.consent_id)}?done=consent.recorded", HTTPStatus.SEE_OTHER)


def _stated(site: Site, sent: Sent, draft: Draft, person: Talent) -> ConsentRecord:
    """The record as it would be kept. A new version follows the one that the form was opened on."""
    before = draft.before
    document = document_of(draft.typed, before.model_dump(mode="json") if before else None)
    if before is not None:
        opened = sent.text("version")
        follows = int(opened) if opened.isascii() and opened.isdigit() else 0
        document |= {"version": follows + 1, "supersedes": follows or None}
    return site.service.application.registration.stated_consent(document, person)


def _nobody(typed: Typed) -> Faults:
    given = typed.text("talent")
    told = f"Nobody is registered as {given}." if given else "Say whose consent it is."
    return Faults({"talent": told})


def _form(request: Request, site: Site, viewer: Viewer, draft: Draft) -> Response:
    kind = draft.before.kind if draft.before else None
    values = {
        "draft": draft,
        "typed": draft.typed,
        "faults": draft.faults,
        "kinds": KINDS,
        "chosen": kind_of(draft.typed.text("kind")),
        "sections": sections_of(kind),
        "zones": ZONES,
        "suggested": _suggested(site, viewer) if draft.person is None else (),
        "people": people_of(site, viewer, [draft.before]) if draft.before else {},
    }
    refused = bool(len(draft.faults))
    status = HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK
    return render(request, "consents/form.html", viewer, values, status)


def _suggested(site: Site, viewer: Viewer) -> list[Talent]:
    view = AgencyView(site.store, viewer.principal)
    wanted = view.talents(TalentFilter())
    return [] if wanted is None else list(site.store.talents.page(wanted, None, OFFERED))
