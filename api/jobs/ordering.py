"""Ordering a scan: what a caller sends becomes pictures that wait, and a scan that a worker is rung for.

    web addresses · files · a feed of both ─▶ pictures, checked against who calls ─▶ uploads kept ─▶ scan ─▶ ring

A feed's line names a web address or a file that came with it, and may say more of its use; a line that can't be
understood is a picture with that error, as in `lookalike scan`. Files that no line names are checked as well.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from itertools import islice
from typing import Any

from api.checking import claimed_by
from api.jobs.jobs import Jobs
from api.uses import use_of
from data.outgoing import readable_url
from data.sources.bundle import Bundle
from data.sources.feed import IMAGE, columns_of, document_of
from data.sources.items import BAD_ROW, IMAGE_MISSING, shown
from data.sources.web import address_named
from data.store import Store
from data.store.scans import ItemKind, NewItem, NewScan, Scan
from detector.access import Principal, same_name
from detector.errors import Forbidden, InputError, UsageError
from detector.use import Use

MAX_PICTURES = 100_000
"""Pictures of one scan."""

FEED = "feed"
"""What a feed's lines are called in rows: `feed:3`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one line of a feed says: the picture's name or web address, and columns; or why it can't be understood."""

    image: str | None
    columns: Mapping[str, str] = field(default_factory=dict)
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class ScanOrder:
    """What a caller sends. `use` holds texts by the names of a use; `files` are those that came with it."""

    entries: Sequence[Entry] = ()
    files: Bundle | None = None
    label: str = ""
    use: Mapping[str, str] = field(default_factory=dict)
    as_of: datetime | None = None


class ScanOrders:
    """Takes orders of scans. Threads may share it."""

    def __init__(self, store: Store, jobs: Jobs) -> None:
        self._store = store
        self._jobs = jobs

    def place(self, order: ScanOrder, caller: Principal) -> Scan:
        """Keep the pictures, order the scan, ring for a worker. Raises UsageError, InputError `bad_use`, Forbidden."""
        use = _claimed(order, caller)
        scan_id = self._store.scans.new_id()
        items = _items(order)
        if len(items) > MAX_PICTURES:
            raise UsageError(
                f"one scan takes {MAX_PICTURES:,} pictures at most; order several", code="too_many_pictures"
            )
        try:
            if order.files is not None:
                items = [self._kept(scan_id, number, item, order.files) for number, item in enumerate(items)]
            client = caller.client or use.get("client")
            new = NewScan(caller.key_id, order.label, items, client, use, order.as_of)
            scan = self._store.scans.create(new, scan_id)
        except BaseException:
            self._store.uploads.discard_scan(scan_id)
            raise
        self._jobs.ring(scan.id)
        return scan

    def _kept(self, scan_id: str, number: int, item: NewItem, files: Bundle) -> NewItem:
        """The item, its file on the disk; one that can't be taken becomes a row that says so."""
        if item.kind is not ItemKind.FILE:
            return item
        try:
            self._store.uploads.keep(scan_id, number, files.read(item.location))
        except InputError as error:
            return _bad(item.source, error, item.columns)
        return item

    def cancel(self, scan_id: str) -> Scan:
        """Stop a scan. Raises NotFound, Conflict."""
        scan = self._store.scans.cancel(scan_id)
        if scan.state.is_final:
            self._store.uploads.discard_scan(scan_id)
        return scan

    def resume(self, scan_id: str) -> Scan:
        """Have a failed scan go on. Raises NotFound, Conflict."""
        scan = self._store.scans.resume(scan_id)
        self._jobs.ring(scan_id)
        return scan


def entries_of_feed(feed: bytes) -> list[Entry]:
    """What each line of a feed (JSON Lines) says; empty lines say nothing. No more are read than one above what a scan
    takes, which is then refused."""
    lines = enumerate(BytesIO(feed.removeprefix(b"\xef\xbb\xbf")), start=1)
    entries = (_entry(line, number) for number, line in lines if line.strip())
    return list(islice(entries, MAX_PICTURES + 1))


def entry_of(document: Mapping[str, Any]) -> Entry:
    """The entry that one JSON object is, its values as texts."""
    image = document.get(IMAGE)
    columns = columns_of({name: value for name, value in document.items() if name != IMAGE})
    if image is not None and not isinstance(image, str):
        return Entry(None, columns, "`image` must be a text")
    return Entry(image, columns)


def _entry(line: bytes, number: int) -> Entry:
    try:
        return entry_of(document_of(line))
    except ValueError as error:
        return Entry(f"{FEED}:{number}", {}, str(error))


def _claimed(order: ScanOrder, caller: Principal) -> dict[str, str]:
    """The scan's use as this caller may claim it, as texts."""
    use = claimed_by(use_of(order.use, Use()), caller.client)
    for entry in order.entries:
        named = entry.columns.get("client", "").strip()
        if named and caller.client is not None and not same_name(named, caller.client):
            raise Forbidden(f"this key checks uses of {caller.client} alone")
    return {**order.use, **({"client": use.client} if use.client else {})}


def _items(order: ScanOrder) -> list[NewItem]:
    sent = order.files.names() if order.files is not None else ()
    named = {unicodedata.normalize("NFC", entry.image or "").strip() for entry in order.entries}
    listed = [_item(entry, number, frozenset(sent)) for number, entry in enumerate(order.entries, start=1)]
    return [*listed, *(_file(name, {}) for name in sent if name not in named)]


def _item(entry: Entry, number: int, sent: frozenset[str]) -> NewItem:
    place = f"{FEED}:{number}"
    if entry.fault is not None:
        return _bad(entry.image or place, InputError(f"{place}: {entry.fault}", code=BAD_ROW), entry.columns)
    image = unicodedata.normalize("NFC", entry.image or "").strip()
    if not image:
        return _bad(place, InputError(f"{place}: the row names no image", code=IMAGE_MISSING), entry.columns)
    if image in sent:
        return _file(image, entry.columns)
    if "://" not in image:
        detail = f"{place}: no file {shown(image)[:200]} came with the feed, and it is no web address"
        return _bad(image[:500], InputError(detail, code="file_missing"), entry.columns)
    try:
        readable_url(image)
    except InputError as error:
        return _bad(address_named(image), error, entry.columns)
    return NewItem(address_named(image), ItemKind.URL, image, entry.columns)


def _file(name: str, columns: Mapping[str, str]) -> NewItem:
    return NewItem(shown(name), ItemKind.FILE, name, columns)


def _bad(source: str, error: InputError, columns: Mapping[str, str]) -> NewItem:
    why = json.dumps({"detail": error.detail, "code": error.code})
    return NewItem(source, ItemKind.BAD, why, columns)
