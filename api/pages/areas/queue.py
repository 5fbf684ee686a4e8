"""The review queue: a list of findings in tabs, narrowed by filters, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from api.http.paging import Paging
from api.pages.access import Viewer, viewing
from api.pages.gallery import names_of, readable
from api.pages.rendering import render
from api.pages.route import page_router
from api.pages.site import Site, TheSite
from api.pages.templating import words
from api.pages.views.notices import told_of
from api.pages.views.queue import SEVERITIES, SORTS, VERDICTS, Asked, asked_of, lede_of, lines_of, tabs_of
from data.store.findings import KeptFinding
from data.store.queue import Queue, Sort, place_of
from detector.access import Scope

PAGE = 40
WINDOW = 200
"""How far into a list the findings before and after one are looked for."""

OPERATION = "pages.review"

router = page_router()

Reader = Annotated[Viewer, Depends(viewing(Scope.FINDINGS_READ))]


@router.get("/review")
def queue(request: Request, site: TheSite, viewer: Reader) -> Response:
    asked, seen = asked_of(request.query_params), queue_of(site, viewer)
    paging = Paging(site.service, PAGE, request.query_params.get("cursor"))
    after = paging.after(OPERATION, asked)
    found = [readable(viewer, each) for each in seen.page(asked.wanted(), Sort(asked.sort), after, PAGE + 1)]
    more = paging.next(place_of(found[PAGE - 1]), OPERATION, asked) if len(found) > PAGE else None
    counts = seen.counts()
    values = {
        "asked": asked,
        "lede": lede_of(counts),
        "tabs": tabs_of(asked, counts),
        "lines": lines_of(found[:PAGE], _names(site, viewer, found), asked),
        "next": f"/review?{asked.query(cursor=more)}" if more else None,
        "first": f"/review?{asked.query()}" if after else None,
        "severities": [(each, words(each) or "Any") for each in SEVERITIES],
        "verdicts": [(each, words(each) or "Any") for each in VERDICTS],
        "sorts": [(str(sort), name) for sort, name in SORTS],
        "told": told_of(request.query_params.get("done", "")),
    }
    return render(request, "areas/queue.html", viewer, values)


def queue_of(site: Site, viewer: Viewer) -> Queue:
    """The findings as far as the viewer may see."""
    return site.store.queue.seen_by(viewer.principal)


def neighbours(site: Site, viewer: Viewer, finding: KeptFinding, asked: Asked) -> tuple[str, str]:
    """The ids before and after a finding in the list that it was opened from; empty where there is none."""
    seen, sort = queue_of(site, viewer), Sort(asked.sort)
    window = [each.id for each in seen.page(asked.wanted(), sort, None, WINDOW)]
    if finding.id not in window:
        return "", next((each.id for each in seen.page(asked.wanted(), sort, place_of(finding), 1)), "")
    at = window.index(finding.id)
    return (window[at - 1] if at else ""), (window[at + 1] if at + 1 < len(window) else "")


def _names(site: Site, viewer: Viewer, found: Sequence[KeptFinding]) -> Mapping[str, str]:
    return names_of(site.store, viewer, sorted({talent for finding in found for talent in finding.talents}))
