"""Consents: the records of a talent or a client on an axis of time, one record with all its versions, its revocation.

    /consents ─▶ a lane per record, what ends next ─▶ /consents/{id} ─ POST reason, day ─▶ a revoked version

Records are never changed here: a revocation is a version of its own, and so is everything that the form writes
(`api.pages.areas.consent_forms`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import Depends, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.agency import AgencyView
from api.consent_pages import Asked, consent_page
from api.pages.access import Viewer, viewing
from api.pages.forms import Sent, sending
from api.pages.gallery import names_of
from api.pages.rendering import render
from api.pages.route import page_router
from api.pages.site import Site, TheSite
from api.pages.views.consent_record import MEANINGS, Ending, changes, endings, parts_of, remarks
from api.pages.views.notices import told_of
from api.pages.views.timeline import timeline
from api.pages.views.vocabulary import KINDS, kind_of
from data.store import Talent
from data.store.consents import ConsentFilter
from detector.access import Scope
from detector.errors import Conflict, NotFound, UsageError
from detector.record import ConsentRecord, ConsentStatus, status

SHOWN = 30
"""Records on a page."""

LOOKED_THROUGH = 500
"""Records among which those that end next are looked for."""

ENDING = 5

NEVER = datetime.max.replace(tzinfo=UTC)

router = page_router()

Reader = Annotated[Viewer, Depends(viewing(Scope.CONSENTS_READ))]
Writing = Annotated[Sent, Depends(sending(Scope.CONSENTS_WRITE))]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list was asked for, as it stands in the address."""

    talent: str = ""
    client: str = ""
    kind: str = ""
    status: str = ""

    @property
    def query(self) -> dict[str, str]:
        fields = {"talent": self.talent, "client": self.client, "kind": self.kind, "status": self.status}
        return {name: text for name, text in fields.items() if text}


@router.get("/consents")
def show(
    request: Request,
    site: TheSite,
    viewer: Reader,
    talent: str = "",
    client: str = "",
    kind: str = "",
    status: str = "",
    after: str = "",
) -> Response:
    wanted = Wanted(talent.strip(), client.strip(), kind, status)
    view = AgencyView(site.store, viewer.principal)
    person = talent_called(view, wanted.talent)
    unknown = bool(wanted.talent) and person is None
    found, more = ([], False) if unknown else _page(site, view, wanted, person, after or None)
    ending = () if unknown else _endings(site, view, wanted, person)
    people = people_of(site, viewer, [*found, *(each.record for each in ending)])
    values = {
        "wanted": wanted,
        "person": person,
        "unknown": unknown,
        "line": timeline(_by_talent(found, people), site.now()),
        "endings": ending,
        "people": people,
        "next": _address(wanted, found[-1].consent_id) if more else None,
        "first": _address(wanted) if after else None,
        "kinds": [("", "Any"), *((str(each), KINDS[each][0]) for each in KINDS)],
        "statuses": [("", "Any"), *((str(each), str(each)) for each in _STATUSES)],
        "names": kind_names(),
        "meanings": MEANINGS,
        "may_write": viewer.may(Scope.CONSENTS_WRITE),
        "own_client": viewer.principal.client,
        "told": told_of(request.query_params.get("done", "")),
    }
    return render(request, "consents/list.html", viewer, values)


@router.get("/consents/{consent_id}.json")
def as_json(consent_id: str, site: TheSite, viewer: Reader) -> Response:
    versions = AgencyView(site.store, viewer.principal).consent_versions(consent_id)
    return JSONResponse([record.model_dump(mode="json") for record in versions])


@router.get("/consents/{consent_id}")
def one(consent_id: str, request: Request, site: TheSite, viewer: Reader, version: int = 0) -> Response:
    return _record_page(request, site, viewer, Shown(consent_id, version))


@router.post("/consents/{consent_id}/revoke")
def revoke(consent_id: str, request: Request, site: TheSite, sent: Writing) -> Response:
    view = AgencyView(site.store, sent.viewer.principal)
    known = view.consent(consent_id).consent_id
    reason, effective = sent.text("reason"), sent.text("effective_at")
    try:
        if not reason:
            raise UsageError("Say why: whoever reads the record later will want to know.")
        site.service.application.registration.revoke(known, reason, effective or None)
    except (UsageError, Conflict) as error:
        attempt = Shown(known, 0, error.detail, reason, effective)
        return _record_page(request, site, sent.viewer, attempt, HTTPStatus.UNPROCESSABLE_ENTITY)
    return RedirectResponse(f"/consents/{quote(known)}?done=consent.revoked", HTTPStatus.SEE_OTHER)


def talent_called(view: AgencyView, text: str) -> Talent | None:
    """The talent with this reference or id, None when there is none that the caller sees."""
    try:
        found = view.store.talents.by_ref(text).id if text else ""
    except NotFound:
        found = text
    try:
        return view.talent(found)
    except NotFound:
        return None


def people_of(site: Site, viewer: Viewer, records: Sequence[ConsentRecord]) -> Mapping[str, tuple[str, str]]:
    """Of each record's talent: the reference, and the name where the viewer may see it."""
    ids = sorted({record.talent_id for record in records})
    names, refs = names_of(site.store, viewer, ids), site.store.talents.refs(ids)
    return {talent_id: (refs[talent_id], names.get(talent_id, "")) for talent_id in ids}


def kind_names() -> dict[str, str]:
    return {str(kind): name for kind, (name, _) in KINDS.items()}


_STATUSES = [each for each in ConsentStatus if each is not ConsentStatus.SUPERSEDED]
"""The newest version of a consent is never superseded."""


def _asked(site: Site, view: AgencyView, wanted: Wanted, person: Talent | None) -> Asked | None:
    state = ConsentStatus(wanted.status) if wanted.status in set(ConsentStatus) else None
    fields = ConsentFilter(
        talent_id=person.id if person else None, client=wanted.client or None, kind=kind_of(wanted.kind)
    )
    narrowed = view.consents(fields)
    return None if narrowed is None else Asked(narrowed, state, site.now())


def _page(
    site: Site, view: AgencyView, wanted: Wanted, person: Talent | None, after: str | None
) -> tuple[list[ConsentRecord], bool]:
    asked = _asked(site, view, wanted, person)
    return ([], False) if asked is None else consent_page(site.store, asked, after, SHOWN)


def _endings(site: Site, view: AgencyView, wanted: Wanted, person: Talent | None) -> Sequence[Ending]:
    asked = _asked(site, view, wanted, person)
    if asked is None:
        return ()
    found, _ = consent_page(site.store, asked, None, LOOKED_THROUGH)
    return endings(found, site.now(), ENDING)


def _by_talent(
    records: Sequence[ConsentRecord], people: Mapping[str, tuple[str, str]]
) -> list[ConsentRecord]:
    """A person's records together, in the order in which they began."""
    return sorted(
        records, key=lambda one: (people[one.talent_id][::-1], one.starts_at or NEVER, one.consent_id)
    )


def _address(wanted: Wanted, after: str = "") -> str:
    query = wanted.query | ({"after": after} if after else {})
    return f"/consents?{urlencode(query)}" if query else "/consents"


# One record


@dataclass(frozen=True, slots=True)
class Shown:
    """Which record, in which version (0: the newest); what was wrong with a revocation, and what had been typed."""

    consent_id: str
    version: int = 0
    fault: str = ""
    reason: str = ""
    effective_at: str = ""


def _record_page(
    request: Request, site: Site, viewer: Viewer, shown: Shown, status_code: HTTPStatus = HTTPStatus.OK
) -> Response:
    versions = AgencyView(site.store, viewer.principal).consent_versions(shown.consent_id)
    newest = versions[-1]
    record = next((each for each in versions if each.version == shown.version), newest)
    now = site.now()
    values = {
        "record": record,
        "newest": newest,
        "status": status(record, now, superseded=record.version < newest.version),
        "meanings": MEANINGS,
        "kind": KINDS[record.kind],
        "parts": parts_of(record),
        "remarks": remarks(record),
        "line": timeline([record], now),
        "history": _history(versions, now),
        "people": people_of(site, viewer, [record]),
        "may_write": viewer.may(Scope.CONSENTS_WRITE),
        "may_revoke": viewer.may(Scope.CONSENTS_WRITE) and newest.life.revoked_at is None,
        "shown": shown,
        "told": told_of(request.query_params.get("done", "")),
    }
    return render(request, "consents/record.html", viewer, values, status_code)


def _history(versions: Sequence[ConsentRecord], now: datetime) -> list[dict[str, Any]]:
    """Every version with what it changed, the newest first."""
    newest = versions[-1].version
    pairs = zip([None, *versions], versions, strict=False)
    told = [
        {
            "record": record,
            "status": status(record, now, superseded=record.version < newest),
            "changes": changes(before, record) if before else (),
        }
        for before, record in pairs
    ]
    return told[::-1]
