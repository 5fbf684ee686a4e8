"""Where a report gets its pictures and names: the source again, and the store.

A picture is read a second time at its source and shown only if it is still the one that was checked.
References come from the store; the last few are kept, since one talent's pictures tend to come together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from api.reports.cards import ReferencePicture
from api.reports.thumbnails import Thumbnail, thumbnail
from detector.errors import InputError, NotFound, StoreError
from detector.finding import Row
from detector.ports import Decoder

if TYPE_CHECKING:
    from data.store import Store
    from data.store.references import Reference

REFERENCE_SIDE = 320


class StoreGallery:
    """The gallery of a real report. `read` gives the bytes behind a row's source."""

    def __init__(self, store: Store, read: Callable[[str], bytes], decode: Decoder) -> None:
        self._store = store
        self._read = read
        self._decode = decode
        self.reference = lru_cache(maxsize=64)(self._reference)
        self.name = lru_cache(maxsize=1024)(self._name)

    def picture(self, row: Row) -> Thumbnail | None:
        """The checked picture, None when it is gone, changed or unreadable by now."""
        return picture_of(row, self._read, self._decode)

    def _reference(self, reference_id: str) -> ReferencePicture | None:
        try:
            reference = self._store.references.get(reference_id)
        except NotFound:
            return None
        return self._shown(reference)

    def _shown(self, reference: Reference) -> ReferencePicture:
        try:
            data = self._store.references.picture(reference.id)
            size = self._decode(data, source="")
            box = reference.box.normalised(size.width, size.height)
            picture = thumbnail(data, self._decode, long_side=REFERENCE_SIDE)
        except (StoreError, InputError):
            return ReferencePicture(reference.id, None, None, reference.source)
        return ReferencePicture(reference.id, picture, box, reference.source)

    def _name(self, talent_id: str) -> str | None:
        names: Mapping[str, str] = self._store.talents.names([talent_id])
        return names.get(talent_id)


class OwnPictures:
    """The gallery of a report whose registry is elsewhere: the checked pictures alone."""

    def __init__(self, read: Callable[[str], bytes], decode: Decoder) -> None:
        self._read = read
        self._decode = decode

    def picture(self, row: Row) -> Thumbnail | None:
        """As `StoreGallery`."""
        return picture_of(row, self._read, self._decode)

    def reference(self, reference_id: str) -> ReferencePicture | None:
        """None: references stay where they are."""

    def name(self, talent_id: str) -> str | None:
        """None: names stay where they are."""


def picture_of(row: Row, read: Callable[[str], bytes], decode: Decoder) -> Thumbnail | None:
    """The picture behind a row's source, None when it is gone, changed or unreadable by now."""
    try:
        data = read(row["source"])
        return thumbnail(data, decode) if hashlib.sha256(data).hexdigest() == row["sha256"] else None
    except InputError:
        return None
