"""Talents: the people on record, one of them with references and consents, changes, erasure.

    /talents ─▶ /talents/{id} ─▶ edit │ erase (the reference typed once more) │ pictures (`api.pages.areas.portraits`)

A change is made in view of what the page showed: where somebody else changed the talent meanwhile, the form comes back
and says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from api.agency import AgencyView
from api.http.etags import content_tag
from api.pages.access import Viewer, viewing
from api.pages.areas.consents import kind_names
from api.pages.forms import Sent, sending
from api.pages.rendering import render
from api.pages.route import page_router
from api.pages.site import Site, TheSite
from api.pages.views.enrolled import Outcome, counted, standing
from api.pages.views.notices import told_of
from data.store import Talent
from data.store.talents import TalentFilter
from detector.access import Scope
from detector.errors import Conflict, Forbidden, StaleVersion, UsageError
from detector.record import current, defects, status
from detector.terms import ConsentKind

SHOWN = 40
"""Talents, or references, on a page."""

KNOWN_ID = re.compile(r"tal_[0-9a-z]+", re.ASCII)
KNOWN_REFERENCE = re.compile(r"ref_[0-9a-z]+", re.ASCII)

router = page_router()

Reader = Annotated[Viewer, Depends(viewing(Scope.TALENTS_READ))]
Writer = Annotated[Viewer, Depends(viewing(Scope.TALENTS_WRITE))]
Eraser = Annotated[Viewer, Depends(viewing(Scope.TALENTS_ERASE))]
Writing = Annotated[Sent, Depends(sending(Scope.TALENTS_WRITE))]
Erasing = Annotated[Sent, Depends(sending(Scope.TALENTS_ERASE))]


@router.get("/talents")
def show(request: Request, site: TheSite, viewer: Reader, q: str = "", after: str = "") -> Response:
    asked, view = q.strip(), AgencyView(site.store, viewer.principal)
    wanted = view.talents(TalentFilter(search=asked or None))
    place = after if KNOWN_ID.fullmatch(after) else None
    found = [] if wanted is None else site.store.talents.page(wanted, place, SHOWN + 1)
    shown = found[:SHOWN]
    values = {
        "asked": asked,
        "lines": _lines(site, shown),
        "next": _address(asked, shown[-1].id) if len(found) > SHOWN else None,
        "first": _address(asked) if place else None,
        "may_write": viewer.may(Scope.TALENTS_WRITE),
        "told": told_of(request.query_params.get("done", "")),
    }
    return render(request, "talents/list.html", viewer, values)


@router.get("/talents/{talent_id}")
def one(talent_id: str, request: Request, site: TheSite, viewer: Reader, after: str = "") -> Response:
    talent = AgencyView(site.store, viewer.principal).talent(talent_id)
    return talent_page(request, site, viewer, Looked(talent, after))


@router.get("/talents/{talent_id}/edit")
def edit(talent_id: str, request: Request, site: TheSite, viewer: Writer) -> Response:
    talent = AgencyView(site.store, viewer.principal).talent(talent_id)
    return _edit_page(request, viewer, talent, _facts(talent))


@router.post("/talents/{talent_id}/edit")
def change(talent_id: str, request: Request, site: TheSite, sent: Writing) -> Response:
    view = AgencyView(site.store, sent.viewer.principal)
    talent = view.talent(talent_id)
    try:
        if sent.text("seen") != _seen(talent):
            raise StaleVersion("Somebody else changed this talent meanwhile: look, and save again.")
        facts: dict[str, str | bool | None] = {
            "name": sent.text("name"),
            "agency": view.agency.of_new(sent.text("agency") or None),
            "minor": bool(sent.text("minor")),
            "wants_every_report": bool(sent.text("wants_every_report")),
        }
        site.store.talents.revise(talent, **facts)
    except (UsageError, Conflict, StaleVersion, Forbidden) as error:
        typed = {name: sent.text(name) for name in _facts(talent)}
        fresh = view.talent(talent_id)
        return _edit_page(request, sent.viewer, fresh, typed, error.detail)
    return RedirectResponse(f"/talents/{talent_id}?done=talent.saved", HTTPStatus.SEE_OTHER)


@router.get("/talents/{talent_id}/erase")
def ask(talent_id: str, request: Request, site: TheSite, viewer: Eraser) -> Response:
    return _erase_page(request, site, viewer, AgencyView(site.store, viewer.principal).talent(talent_id))


@router.post("/talents/{talent_id}/erase")
def erase(talent_id: str, request: Request, site: TheSite, sent: Erasing) -> Response:
    talent = AgencyView(site.store, sent.viewer.principal).talent(talent_id)
    try:
        if sent.text("typed") != talent.ref:
            raise UsageError("That is not the reference. Nothing was erased.")
        site.store.talents.erase(talent.id)
    except (UsageError, Conflict) as error:
        return _erase_page(request, site, sent.viewer, talent, error.detail)
    return RedirectResponse("/talents?done=talent.erased", HTTPStatus.SEE_OTHER)


@dataclass(frozen=True, slots=True)
class Looked:
    """A talent's page: from which reference on, and what became of pictures that were just sent."""

    talent: Talent
    after: str = ""
    outcomes: tuple[Outcome, ...] = ()
    registered: bool = False


def talent_page(
    request: Request, site: Site, viewer: Viewer, looked: Looked, status_code: HTTPStatus = HTTPStatus.OK
) -> Response:
    """One talent, with everything on record that the viewer may see."""
    talent = looked.talent
    place = looked.after if KNOWN_REFERENCE.fullmatch(looked.after) else None
    found = site.store.references.page(talent.id, place, SHOWN + 1)
    row = site.service.application.registration.talent_row(talent)
    values = {
        "talent": talent,
        "row": row,
        "standing": standing(row),
        "references": found[:SHOWN],
        "next": f"/talents/{talent.id}?after={found[SHOWN - 1].id}" if len(found) > SHOWN else None,
        "first": f"/talents/{talent.id}" if place else None,
        "consents": _consents(site, viewer, talent),
        "kinds": kind_names(),
        "outcomes": looked.outcomes,
        "counted": counted(looked.outcomes),
        "registered": looked.registered,
        **_rights(viewer),
        "told": told_of(request.query_params.get("done", "")),
    }
    return render(request, "talents/talent.html", viewer, values, status_code)


def _rights(viewer: Viewer) -> dict[str, bool]:
    return {
        "may_write": viewer.may(Scope.TALENTS_WRITE),
        "may_erase": viewer.may(Scope.TALENTS_ERASE),
        "sees_consents": viewer.may(Scope.CONSENTS_READ),
        "grants": viewer.may(Scope.CONSENTS_WRITE),
    }


def _consents(site: Site, viewer: Viewer, talent: Talent) -> list[dict[str, Any]]:
    """The newest versions that the viewer may see, releases first."""
    if not viewer.may(Scope.CONSENTS_READ):
        return []
    now = site.now()
    records = [
        record
        for record in current(site.store.consents.list(talent.id))
        if viewer.principal.sees_client(record.grantee.client if record.grantee else None)
    ]
    ordered = sorted(
        records, key=lambda one: (one.kind is not ConsentKind.BIOMETRIC_ENROLMENT, one.consent_id)
    )
    return [{"record": one, "status": status(one, now), "void": bool(defects(one))} for one in ordered]


def _lines(site: Site, talents: Sequence[Talent]) -> list[dict[str, Any]]:
    rows = site.service.application.registration.rows_of(talents)
    return [
        {"talent": talent, "row": row, "standing": standing(row), "thumb": _thumb(site, talent)}
        for talent, row in zip(talents, rows, strict=True)
    ]


def _thumb(site: Site, talent: Talent) -> str | None:
    first = site.store.references.page(talent.id, None, 1)
    return f"/pictures/references/{first[0].id}?size=thumb" if first else None


def _facts(talent: Talent) -> dict[str, str | bool]:
    return {
        "name": talent.name,
        "agency": talent.agency or "",
        "minor": talent.minor,
        "wants_every_report": talent.wants_every_report,
    }


def _seen(talent: Talent) -> str:
    """What the form was opened on."""
    return content_tag(talent.name, talent.agency, talent.minor, talent.wants_every_report, talent.erased_at)


def _edit_page(
    request: Request, viewer: Viewer, talent: Talent, typed: dict[str, Any], fault: str = ""
) -> Response:
    values = {
        "talent": talent,
        "typed": typed,
        "seen": _seen(talent),
        "fault": fault,
        "own_agency": viewer.principal.agency,
    }
    state = HTTPStatus.UNPROCESSABLE_ENTITY if fault else HTTPStatus.OK
    return render(request, "talents/edit.html", viewer, values, state)


def _erase_page(request: Request, site: Site, viewer: Viewer, talent: Talent, fault: str = "") -> Response:
    row = site.service.application.registration.talent_row(talent)
    values = {"talent": talent, "row": row, "fault": fault}
    state = HTTPStatus.UNPROCESSABLE_ENTITY if fault else HTTPStatus.OK
    return render(request, "talents/erase.html", viewer, values, state)


def _address(asked: str, after: str = "") -> str:
    query = {name: text for name, text in (("q", asked), ("after", after)) if text}
    return f"/talents?{urlencode(query)}" if query else "/talents"
