"""Pictures from web addresses: the one class that fetches them.

    address ─ readable? ─▶ robots ─▶ exchange ─ redirect? judged anew, five at most ─▶ bytes, counted while they come

Where a connection may go is `data.outgoing`'s to say, for the address given and for each that it is redirected to, the
robots.txt among them. Nothing but the bytes is asked for: no cookies, no compression (a small answer could unfold to
any size), no referrer. The agent says what it is. A site whose robots.txt forbids the path, or can't be had because the
site is out of order, is not asked (RFC 9309); `robots=False` is for sites of one's own.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import httpx2
from protego import Protego

from data.outgoing import Answer, Call, Deadline, Web, readable_url
from data.sources.items import Item
from detector.errors import UnfetchableInput

REDIRECTS = 5
_REDIRECTING = frozenset({301, 302, 303, 307, 308})

ROBOTS_BYTES = 512 * 1024
ROBOTS_SECONDS = 3600.0
ROBOTS_KEPT = 1000

KEPT_HEADERS = ("content-type", "date", "etag", "last-modified", "server", "x-robots-tag")
"""Headers of the answer that say what a picture is and when it was there."""

_WANTED = {"Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A picture's bytes, the address that was asked for and the one that gave them, and `KEPT_HEADERS` of the answer."""

    url: str
    final_url: str
    data: bytes = field(repr=False)
    headers: Mapping[str, str]


class Fetcher:
    """Fetches pictures. Safe to share between threads."""

    def __init__(self, web: Web, most: int, *, robots: bool = True) -> None:
        """`most`: bytes of one picture. robots: whether to ask robots.txt first."""
        self._web = web
        self._most = most
        self._robots = _Robots(web) if robots else None

    def fetch(self, address: str) -> Fetched:
        """The bytes at a web address. Raises UnfetchableInput with the code bad_url, address_refused, robots_refused,
        too_large, fetch_timeout or fetch_failed."""
        try:
            return self._fetched(address, readable_url(address), self._web.deadline())
        except UnfetchableInput as fault:
            raise UnfetchableInput(f"{address_named(address)}: {fault.detail}", code=fault.code) from fault

    def item(self, address: str, row: Mapping[str, str] | None = None) -> Item:
        """The picture at an address as an item of a source; it is fetched when it is read."""
        return Item(address_named(address), partial(self._data, address), row or {})

    def _data(self, address: str) -> bytes:
        return self.fetch(address).data

    def _fetched(self, address: str, url: httpx2.URL, deadline: Deadline) -> Fetched:
        for _ in range(REDIRECTS + 1):
            if self._robots is not None:
                self._robots.require(url, deadline)
            answer = self._web.exchange(Call(url, headers=_WANTED), deadline, self._most)
            if answer.status not in _REDIRECTING:
                kept = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
                return Fetched(address, str(url), _body(answer), kept)
            url = _redirected(url, answer)
        raise UnfetchableInput(f"the server redirects more than {REDIRECTS} times")


def address_named(address: str) -> str:
    """The address as it may be told: without a password, and no longer than a line."""
    try:
        url = httpx2.URL(address)
    except httpx2.InvalidURL:
        return repr(address[:100])
    return str(url.copy_with(userinfo=b""))[:500] if url.userinfo else address[:500]


def _redirected(url: httpx2.URL, answer: Answer) -> httpx2.URL:
    where = answer.headers.get("location", "")
    if not where:
        raise UnfetchableInput(f"the server answers {answer.status} without saying where the picture is")
    try:
        return readable_url(str(url.join(where)))
    except httpx2.InvalidURL as fault:
        raise UnfetchableInput("the server redirects to what is no web address", code="bad_url") from fault


def _body(answer: Answer) -> bytes:
    if answer.status != 200:
        raise UnfetchableInput(f"the server answers {answer.status} instead of a picture")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise UnfetchableInput("the server compresses its answer although it was asked not to")
    return answer.body


class _Robots:
    """What robots.txt of each site allows, remembered for an hour."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, Protego | None]] = OrderedDict()

    def require(self, url: httpx2.URL, deadline: Deadline) -> None:
        """Raise UnfetchableInput when the site doesn't want this address to be fetched."""
        rules = self._rules(url.copy_with(raw_path=b"/robots.txt", fragment=None), deadline)
        if rules is None:
            raise UnfetchableInput(
                "the site's robots.txt can't be had; try again later", code="robots_refused"
            )
        if not rules.can_fetch(str(url), self._web.agent.partition("/")[0]):
            raise UnfetchableInput(
                "the site's robots.txt forbids to fetch this address", code="robots_refused"
            )

    def _rules(self, place: httpx2.URL, deadline: Deadline) -> Protego | None:
        with self._lock:
            until, rules = self._known.get(str(place), (0.0, None))
        if until > time.monotonic():
            return rules
        rules = self._asked(place, deadline)
        with self._lock:
            self._known[str(place)] = (time.monotonic() + (ROBOTS_SECONDS if rules else 60.0), rules)
            if len(self._known) > ROBOTS_KEPT:
                self._known.popitem(last=False)
        return rules

    def _asked(self, place: httpx2.URL, deadline: Deadline) -> Protego | None:
        """None when the site can't say: then nothing of it may be fetched."""
        url = place
        for _ in range(REDIRECTS + 1):
            answer = self._web.exchange(Call(url, headers=_WANTED), deadline, ROBOTS_BYTES)
            if answer.status not in _REDIRECTING:
                return _read_robots(answer)
            url = _redirected(url, answer)
        return _read_robots(answer)


def _read_robots(answer: Answer) -> Protego | None:
    """A site that has none (any 4xx, or redirects without end) allows everything; one that fails allows nothing."""
    if answer.status >= 500:
        return None
    return Protego.parse(answer.body.decode("utf-8", "replace") if answer.status == 200 else "")
