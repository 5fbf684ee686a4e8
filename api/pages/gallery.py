"""The pictures of a page: a report's cards, with addresses of this service in place of data URIs.

A picture is read, turned upright and made smaller on its way to the browser, through the one decoder: a browser never
gets the file itself, whatever it may hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from api.http.service import Service
from api.pages.access import Viewer
from api.reports.cards import ReferencePicture
from api.reports.thumbnails import Thumbnail
from data.store import Store, Talent
from data.store.findings import KeptFinding
from data.store.references import Reference
from detector.access import Scope
from detector.errors import InputError, NotFound, StoreError
from detector.finding import Row
from detector.visibility import row_for

SHOWN_WIDTH, SHOWN_HEIGHT = 720, 520
"""The room that a picture gets on a page, in CSS pixels."""

LARGEST_SCALE = 3.0


class PageGallery:
    """The gallery of one finding, for one viewer: references and names only of talents that the viewer may see."""

    def __init__(self, service: Service, viewer: Viewer, finding: KeptFinding | None) -> None:
        self._store = service.store
        self._decode = service.application.decoder
        self._viewer = viewer
        self._finding = finding

    def picture(self, row: Row) -> Thumbnail | None:
        """Where the picture is, None when it is not kept."""
        if self._finding is None or not self._finding.picture:
            return None
        return fitted(f"/pictures/findings/{self._finding.id}", row["width"], row["height"])

    def reference(self, reference_id: str) -> ReferencePicture | None:
        """The reference, None when it is gone or not the viewer's to see."""
        try:
            reference = self._store.references.get(reference_id)
            talent = self._store.talents.get(reference.talent_id)
        except NotFound:
            return None
        return self._shown(reference) if may_see(self._viewer, talent) else None

    def _shown(self, reference: Reference) -> ReferencePicture:
        try:
            size = self._decode(self._store.references.picture(reference.id), source="")
        except (StoreError, InputError):
            return ReferencePicture(reference.id, None, None, reference.source)
        picture = fitted(f"/pictures/references/{reference.id}", size.width, size.height)
        box = reference.box.normalised(size.width, size.height)
        return ReferencePicture(reference.id, picture, box, reference.source)

    def name(self, talent_id: str) -> str | None:
        """The talent's name, None where the viewer may not see it."""
        return names_of(self._store, self._viewer, [talent_id]).get(talent_id)


def fitted(address: str, width: int, height: int) -> Thumbnail:
    """The picture in the size that a page shows it in: as large as there is room for, small ones not blown up much."""
    scale = min(SHOWN_HEIGHT / height, SHOWN_WIDTH / width, LARGEST_SCALE)
    return Thumbnail(address, max(1, round(width * scale)), max(1, round(height * scale)))


def names_of(store: Store, viewer: Viewer, talent_ids: Sequence[str]) -> Mapping[str, str]:
    """Names of those of the talents that the viewer may see, by id."""
    found = store.talents.many(talent_ids).values()
    return {each.id: each.name for each in found if each.erased_at is None and may_see(viewer, each)}


def readable(viewer: Viewer, finding: KeptFinding) -> KeptFinding:
    """The finding, without what its row tells of other clients where the viewer works for one."""
    return replace(finding, row=row_for(viewer.principal, finding.row))


def may_see(viewer: Viewer, talent: Talent) -> bool:
    """Whether a page may show this talent's name and pictures."""
    return viewer.may(Scope.TALENTS_READ) and viewer.principal.sees_agency(talent.agency)
