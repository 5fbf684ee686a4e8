"""Pictures for the pages: a flagged one, and a reference. Always as a JPEG made here, never the file as it came."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from fastapi import Depends
from starlette.responses import Response

from api.http.access import visible
from api.pages.access import Viewer, viewing
from api.pages.areas.queue import queue_of
from api.pages.gallery import may_see
from api.pages.route import page_router
from api.pages.site import Site, TheSite
from api.reports.thumbnails import small_jpeg
from detector.access import Scope
from detector.decoding import DecodeLimits, decode

SIDES = {"thumb": 160, "page": 1280}
"""The longer side, in pixels, of each size that a page asks for."""

Size = Literal["thumb", "page"]

router = page_router()


@router.get("/pictures/findings/{finding_id}")
def flagged(
    finding_id: str,
    site: TheSite,
    viewer: Annotated[Viewer, Depends(viewing(Scope.FINDINGS_READ))],
    size: Size = "page",
) -> Response:
    visible(queue_of(site, viewer).sees(finding_id), "finding")
    return _picture(site, site.store.findings.picture(finding_id), size)


@router.get("/pictures/references/{reference_id}")
def reference(
    reference_id: str,
    site: TheSite,
    viewer: Annotated[Viewer, Depends(viewing(Scope.TALENTS_READ))],
    size: Size = "page",
) -> Response:
    found = site.store.references.get(reference_id)
    visible(may_see(viewer, site.store.talents.get(found.talent_id)), "reference")
    return _picture(site, site.store.references.picture(reference_id), size)


def _picture(site: Site, data: bytes, size: Size) -> Response:
    settings = site.service.settings
    # decoding to about the size that is wanted is many times cheaper than decoding it whole
    limits = DecodeLimits(settings.decode_max_bytes, settings.decode_max_pixels, 2 * SIDES[size])
    made = small_jpeg(data, partial(decode, limits=limits), SIDES[size])
    return Response(made.data, media_type="image/jpeg")
