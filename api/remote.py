"""Checks by a service elsewhere: the pictures of this machine, or their signals alone, answered with the same rows.

    items ─▶ threads: read ─ the picture ───────────────────────────▶ POST /v1/checks          ─▶ rows in order
                            └ private: decode, extract, document_of ─▶ POST /v1/checks/signals ─┘

What the service says of one picture (it can't be decoded, its use can't be read) becomes that picture's row. What it
says of the caller (no key, other networks, out of order) ends the run.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from pathlib import PurePath
from typing import Any

from api.client import Client
from api.scanning import Item
from api.signal_document import document_of
from api.uses import readable_use, use_of
from detector.errors import InputError, Refused
from detector.finding import Finding, Row, to_row
from detector.ports import Decoder, Extractor
from detector.signals import SignalSet
from detector.use import Use

_OF_ONE_PICTURE = (413, 422)
"""Statuses of a refusal that is about the picture or its use."""

_NOTHING_COMPUTED = SignalSet(None, None, ())


@dataclass(frozen=True, slots=True)
class RemotePlan:
    """The moment that verdicts speak of, the use claimed unless a row says otherwise, and how many calls at once."""

    at: datetime
    use: Use = field(default_factory=Use)
    workers: int = 4


Send = Callable[[str, bytes, Mapping[str, Any]], Row]
"""What is called the picture, its bytes, and the use's fields with as_of: the service's answer."""


class RemoteScanner:
    """Runs items through a service. `send` makes one call."""

    def __init__(self, send: Send, plan: RemotePlan) -> None:
        self._send = send
        self._plan = plan

    def scan(self, items: Iterable[Item]) -> Iterator[Row]:
        """One row per item, in order. Raises Refused, Unreachable, and ends the run, for what is about no picture."""
        pool = ThreadPoolExecutor(self._plan.workers, thread_name_prefix="remote")
        flight: deque[Future[Row]] = deque()
        try:
            for item in items:
                flight.append(pool.submit(self._row, item))
                if len(flight) >= 2 * self._plan.workers:
                    yield flight.popleft().result()
            while flight:
                yield flight.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _row(self, item: Item) -> Row:
        data: bytes | None = None
        try:
            use = use_of(item.row, self._plan.use)
            data = item.read()
            answer = self._send(PurePath(item.source).name, data, self._fields(use))
        except InputError as error:
            return self._failed(item, error, data)
        except Refused as error:
            if error.status not in _OF_ONE_PICTURE:
                raise
            return self._failed(item, InputError(error.detail, code=error.code), data)
        return {name: value for name, value in answer.items() if name != "finding_id"} | {
            "source": item.source
        }

    def _fields(self, use: Use) -> dict[str, Any]:
        given = {each.name: getattr(use, each.name) for each in fields(use)}
        known = {name: _sent(value) for name, value in given.items() if value not in (None, ())}
        return known | {"as_of": self._plan.at.isoformat()}

    def _failed(self, item: Item, error: InputError, data: bytes | None) -> Row:
        return to_row(
            Finding(
                source=item.source,
                sha256=None if data is None else hashlib.sha256(data).hexdigest(),
                use=readable_use(item.row, self._plan.use),
                as_of=self._plan.at,
                signals=_NOTHING_COMPUTED,
                error=error,
            ),
            {},
        )


def _sent(value: object) -> object:
    """A use's field as a form and a document take it."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, bool) else str(value)


def sending_pictures(client: Client) -> Send:
    """Calls that send the picture."""

    def send(name: str, data: bytes, use: Mapping[str, Any]) -> Row:
        return client.checks.create((name, data), **use)

    return send


def sending_signals(client: Client, decode: Decoder, extractor: Extractor) -> Send:
    """Calls that send what is computed here from the picture, and never the picture."""

    def send(name: str, data: bytes, use: Mapping[str, Any]) -> Row:
        image = decode(data, source=name)
        (signals,) = extractor.extract([image])
        claimed = dict(use)
        as_of = claimed.pop("as_of")
        known = {"source": name, "sha256": image.sha256, "width": image.width, "height": image.height}
        return client.checks.signals({**known, **document_of(signals), "use": claimed, "as_of": as_of})

    return send
