"""A scan's pictures as the batch runner takes them, read ahead where they come from the web.

    unchecked pictures ─ page by page ─▶ web addresses are fetched ahead, a few at once ─▶ items, in order

A fetched picture is kept beside the uploads until its row is written: it is not fetched twice when a worker dies, and
if it is flagged, the very bytes that were checked are kept.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from data.sources.items import Item
from data.store.scan_work import ScanItem, ScanWork
from data.store.scans import ItemKind, Scan
from data.uploads import Uploads
from detector.errors import InputError, UnreadableInput

Fetch = Callable[[str], bytes]
"""The bytes at a web address. Raises InputError."""

PAGE = 200
"""Pictures that are asked of the store at once."""

AHEAD = 32
"""Pictures of which the web addresses are fetched ahead of the networks."""

FETCHING = 8
"""Web addresses that are fetched at once."""

UPLOAD_MISSING = "upload_missing"
"""Code of a picture whose file is gone from the uploads."""


@dataclass(frozen=True, slots=True)
class PictureSource:
    """Where the bytes of one scan's pictures come from."""

    scan_id: str
    uploads: Uploads
    fetch: Fetch

    def fetched(self, item: ScanItem) -> None:
        """Have a picture of the web beside the uploads. Raises InputError."""
        if self.uploads.read(self.scan_id, item.number) is None:
            self.uploads.keep(self.scan_id, item.number, self.fetch(item.location))

    def read(self, item: ScanItem) -> bytes:
        """The encoded picture. Raises InputError."""
        if item.kind is ItemKind.BAD:
            raise InputError(**json.loads(item.location))
        kept = self.uploads.read(self.scan_id, item.number)
        if kept is None:
            raise UnreadableInput(
                f"{item.source}: the uploaded file is gone; send it again in another scan",
                code=UPLOAD_MISSING,
            )
        return kept


class ScanItems:
    """The next `limit` unchecked pictures of a scan. Iterate once; `numbers` then holds those handed out, in order."""

    def __init__(self, work: ScanWork, scan: Scan, source: PictureSource, limit: int) -> None:
        self._work = work
        self._scan = scan
        self._source = source
        self._limit = limit
        self.numbers: deque[int] = deque()

    def __iter__(self) -> Generator[Item]:
        with ThreadPoolExecutor(FETCHING, thread_name_prefix="fetch") as pool:
            try:
                yield from self._read_ahead(pool)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _read_ahead(self, pool: ThreadPoolExecutor) -> Iterator[Item]:
        waiting: deque[tuple[ScanItem, Future[None] | None]] = deque()
        for item in self._unchecked():
            fetching = pool.submit(self._source.fetched, item) if item.kind is ItemKind.URL else None
            waiting.append((item, fetching))
            if len(waiting) >= AHEAD:
                yield self._handed_out(*waiting.popleft())
        while waiting:
            yield self._handed_out(*waiting.popleft())

    def _handed_out(self, item: ScanItem, fetching: Future[None] | None) -> Item:
        self.numbers.append(item.number)

        def read() -> bytes:
            if fetching is not None:
                fetching.result()
            return self._source.read(item)

        return Item(item.source, read, item.columns)

    def _unchecked(self) -> Iterator[ScanItem]:
        after, left = -1, self._limit
        while left > 0:
            page = self._work.unchecked(self._scan.id, after, min(PAGE, left))
            if not page:
                return
            yield from page
            after, left = page[-1].number, left - len(page)
