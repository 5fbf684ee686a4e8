"""The dashboard: what was flagged week by week, by client and by verdict; what waits; which consents end next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.responses import Response

from api.agency import AgencyView
from api.consent_pages import Asked, consent_page
from api.pages.access import Viewer, viewing
from api.pages.areas.consents import kind_names, people_of
from api.pages.areas.queue import queue_of
from api.pages.rendering import render
from api.pages.route import page_router
from api.pages.site import Site, TheSite
from api.pages.views.charts import by_age, by_client, by_verdict, chart_of, first_monday
from api.pages.views.consent_record import Ending, endings
from data.store.consents import ConsentFilter
from detector.access import Scope
from detector.decision import Severity
from detector.review import PENDING

ENDING = 8
"""Consents that end next, in the list."""

LOOKED_THROUGH = 2000
SOON = timedelta(days=30)
GRAVE = (str(Severity.CRITICAL), str(Severity.HIGH))

router = page_router()


@router.get("/dashboard")
def dashboard(
    request: Request, site: TheSite, viewer: Annotated[Viewer, Depends(viewing(Scope.FINDINGS_READ))]
) -> Response:
    now, seen = site.now().astimezone(UTC), queue_of(site, viewer)
    weeks = seen.weekly(datetime.combine(first_monday(now), time(), UTC))
    chart = chart_of(weeks, now)
    waiting = {key: found for key, found in seen.counts().items() if key[0] in PENDING}
    values = {
        "chart": chart,
        "this_week": chart.columns[-1].total,
        "clients": by_client(weeks) if viewer.principal.client is None else [],
        "verdicts": by_verdict(weeks),
        "ages": by_age(seen.ages(now)),
        "waiting": sum(waiting.values()),
        "grave": sum(found for (_, severity), found in waiting.items() if severity in GRAVE),
        **_consents(site, viewer, now),
    }
    return render(request, "areas/dashboard.html", viewer, values)


def _consents(site: Site, viewer: Viewer, now: datetime) -> dict[str, Any]:
    """What ends next, for those who may read consents."""
    ending = _ending(site, viewer, now) if viewer.may(Scope.CONSENTS_READ) else None
    return {
        "ending": ending[:ENDING] if ending else ending,
        "ending_soon": sum(1 for each in ending or () if each.at <= now + SOON),
        "people": people_of(site, viewer, [each.record for each in ending or ()]),
        "kinds": kind_names(),
    }


def _ending(site: Site, viewer: Viewer, now: datetime) -> Sequence[Ending]:
    narrowed = AgencyView(site.store, viewer.principal).consents(ConsentFilter())
    if narrowed is None:
        return ()
    found, _ = consent_page(site.store, Asked(narrowed, None, now), None, LOOKED_THROUGH)
    return endings(found, now, LOOKED_THROUGH)
