"""Review: the queue of findings, one finding with its evidence, and the decision on it.

    /review ─▶ a row per finding ─▶ /review/{id} ─ POST outcome, version ─▶ the next one of the same list

A decision is made against the version that the page showed: where somebody else decided meanwhile, the page comes back
with what was typed, and says so.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.http.access import visible
from api.http.bundles import bundle_response
from api.pages.access import Viewer, viewing
from api.pages.areas.queue import neighbours, queue_of
from api.pages.forms import Sent, sending
from api.pages.gallery import PageGallery, readable
from api.pages.rendering import render
from api.pages.route import page_router
from api.pages.site import Site, TheSite
from api.pages.views.credentials import facts_of
from api.pages.views.notices import told_of
from api.pages.views.outcomes import NAMES, outcomes_after
from api.pages.views.queue import asked_of
from api.pages.views.strengths import rivals, scale_of
from api.reports.cards import card_of
from data.store.findings import KeptFinding
from detector.access import Scope
from detector.errors import Conflict, NotFound, StaleVersion, UsageError
from detector.review import Judgement, ReviewState

KNOWN_ID = re.compile(r"fnd_[0-9a-z]+", re.ASCII)

router = page_router()

Reader = Annotated[Viewer, Depends(viewing(Scope.FINDINGS_READ))]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A decision that could not be saved: why, and what had been typed."""

    fault: str = ""
    outcome: str = ""
    note: str = ""
    document: str = ""


@router.get("/review/{finding_id}.json")
def as_json(finding_id: str, site: TheSite, viewer: Reader) -> Response:
    finding = finding_of(site, viewer, finding_id)
    return JSONResponse(finding.row)


@router.get("/review/{finding_id}/evidence.zip")
def evidence(
    finding_id: str, site: TheSite, viewer: Annotated[Viewer, Depends(viewing(Scope.FINDINGS_REVIEW))]
) -> Response:
    from api.evidence.exporting import export, require_may_export

    finding = finding_of(site, viewer, finding_id)
    require_may_export(site.store, viewer.principal, finding)
    bundle = export(site.service.application, finding.id, viewer.principal.key_id)
    return bundle_response(bundle, finding.id)


@router.get("/review/{finding_id}")
def show(finding_id: str, request: Request, site: TheSite, viewer: Reader) -> Response:
    return _page(request, site, viewer, finding_of(site, viewer, finding_id), Attempt())


@router.post("/review/{finding_id}")
def decide(
    finding_id: str,
    request: Request,
    site: TheSite,
    sent: Annotated[Sent, Depends(sending(Scope.FINDINGS_REVIEW))],
) -> Response:
    viewer = sent.viewer
    finding = finding_of(site, viewer, finding_id)
    try:
        judgement = _judgement(sent)
        site.store.findings.review(finding.id, _version(sent), judgement, viewer.principal.key_id)
    except (StaleVersion, Conflict, UsageError) as error:
        attempt = Attempt(error.detail, sent.text("outcome"), sent.text("note"), sent.text("document"))
        fresh = finding_of(site, viewer, finding_id)
        status = HTTPStatus.CONFLICT if isinstance(error, StaleVersion) else HTTPStatus.UNPROCESSABLE_ENTITY
        return _page(request, site, viewer, fresh, attempt, status)
    return RedirectResponse(_onwards(request, sent, judgement.outcome), HTTPStatus.SEE_OTHER)


def _onwards(request: Request, sent: Sent, outcome: ReviewState) -> str:
    """To the finding that came after this one when the page was made; the list's end says so."""
    asked, after = asked_of(request.query_params), sent.text("after")
    if not KNOWN_ID.fullmatch(after):
        return f"/review?{asked.query(done='queue.end')}"
    return f"/review/{after}?{asked.query(done=f'decided.{outcome}')}"


def finding_of(site: Site, viewer: Viewer, finding_id: str) -> KeptFinding:
    """The finding as far as the viewer may read it. Raises NotFound when it isn't theirs to know of."""
    visible(queue_of(site, viewer).sees(finding_id), "finding")
    return readable(viewer, site.store.findings.get(finding_id))


def _version(sent: Sent) -> int:
    text = sent.text("version")
    return int(text) if text.isascii() and text.isdigit() else -1


def _judgement(sent: Sent) -> Judgement:
    """What was decided. A document's file is read for its digest alone."""
    try:
        outcome = ReviewState(sent.text("outcome"))
    except ValueError:
        raise UsageError("choose what it is before saving") from None
    if outcome is not ReviewState.AUTHORISED_OUT_OF_BAND:
        return Judgement(outcome, sent.text("note") or None)
    paper = sent.file("paper")
    digest = hashlib.sha256(paper.file.read()).hexdigest() if paper else None
    return Judgement(outcome, sent.text("note") or None, sent.text("document") or None, digest)


def _page(
    request: Request,
    site: Site,
    viewer: Viewer,
    finding: KeptFinding,
    attempt: Attempt,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    row = finding.row
    scale = scale_of(row)
    card = card_of(0, row, PageGallery(site.service, viewer, finding), scale)
    values = {
        "finding": finding,
        "card": card,
        "rivals_of": lambda gauge: rivals(row, gauge, scale),
        "claims": facts_of(row.get("credentials")),
        "has_references": any(subject.references for subject in card.subjects),
        "gone": "The picture is not kept: it was checked by signals alone, or has been erased.",
        "told": told_of(request.query_params.get("done", "")),
        "kept": attempt,
        "fault": attempt.fault,
        **_rights(viewer, finding, signs=site.service.settings.audit_key_file is not None),
        **_history(site, viewer, finding),
        **_around(request, site, viewer, finding),
    }
    return render(request, "areas/finding.html", viewer, values, status)


SOMEBODY = "somebody with another key"
"""What a key is called before those who only look."""


def _rights(viewer: Viewer, finding: KeptFinding, *, signs: bool) -> dict[str, Any]:
    """signs: there is a key that evidence is signed with."""
    may_review = viewer.may(Scope.FINDINGS_REVIEW)
    return {
        "may_review": may_review,
        "outcomes": outcomes_after(finding.state) if may_review else (),
        "names": NAMES,
        "sees_talents": viewer.may(Scope.TALENTS_READ),
        "links_consents": viewer.may(Scope.CONSENTS_READ),
        "may_export": may_review and viewer.principal.client is None and signs,
    }


def _history(site: Site, viewer: Viewer, finding: KeptFinding) -> dict[str, Any]:
    """Who only looks is told what was decided, not by whom or on what ground: as over REST."""
    history = site.store.findings.history(finding.id)
    keys = {finding.key_id, *(review.key_id for review in history)}
    if viewer.may(Scope.FINDINGS_REVIEW):
        return {"history": history, "key_names": {key_id: _key_name(site, key_id) for key_id in keys}}
    bare = [review.without_grounds() for review in history]
    return {"history": bare, "key_names": dict.fromkeys(keys, SOMEBODY)}


def _key_name(site: Site, key_id: str) -> str:
    try:
        return site.store.keys.get(key_id).name
    except NotFound:
        return key_id


def _around(request: Request, site: Site, viewer: Viewer, finding: KeptFinding) -> dict[str, Any]:
    """The list that the finding was opened from, and its neighbours there."""
    asked = asked_of(request.query_params)
    before, after = neighbours(site, viewer, finding, asked)
    return {
        "back": _address("/review", asked.query()),
        "before": _address(f"/review/{before}", asked.query()) if before else None,
        "after": _address(f"/review/{after}", asked.query()) if after else None,
        "after_id": after,
        "list_query": asked.query(),
    }


def _address(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path
