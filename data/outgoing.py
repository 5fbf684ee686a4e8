"""The one way out to the web: every connection that a user's address leads to is made here, and only to public hosts.

    host ─ resolve ─▶ addresses ─ is every one public? ─▶ connect to one of those very addresses ─▶ bytes, on a clock

A name is resolved once per connection, and the connection goes to the address that was judged, so an answer that
changes between the look and the connection (DNS rebinding) changes nothing. One address that is not public refuses the
name. TLS and the Host header still speak of the name. Proxies of the environment are not used: behind one nobody could
tell where a connection goes. An exchange has a time-out for connecting, for silence, and for the whole, so that a
server that gives a byte now and then ends too; and it reads no more bytes than were asked for.

`Web.exchange` is one request and one answer. It follows no redirects: `data.sources.web` does, and judges each anew.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import httpcore2
import httpx2

from detector.errors import UnfetchableInput

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""Host and port to the addresses that the system would connect to, as text. Raises OSError."""

SCHEMES = ("http", "https")
TRIED = 4
"""Addresses of one host that are tried."""

_NOT_PUBLIC_V4 = tuple(
    map(
        ip_network,
        ("192.0.0.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24"),
    )
)
"""Special blocks that Python of some versions counts as public: protocol assignments, AS112, 6to4 relays."""

_PUBLIC_V6 = ip_network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"))
)
"""Teredo and other protocol assignments, documentation, 6to4, AS112: inside 2000::/3, and no public host's."""

_NAT64 = ip_network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Whether this is the address of a public host: not of this machine or network, a carrier's, a group or a special
    block. An IPv6 address that stands for an IPv4 one (mapped, NAT64) is judged as that."""
    if isinstance(address, IPv6Address):
        inner = _inner(address)
        return is_public(inner) if inner is not None else _is_public_v6(address)
    special = any(address in block for block in _NOT_PUBLIC_V4)
    return address.is_global and not address.is_multicast and not special


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


def _is_public_v6(address: IPv6Address) -> bool:
    return address in _PUBLIC_V6 and not any(address in block for block in _NOT_PUBLIC_V6)


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, each once, in the system's order. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def readable_url(text: str) -> httpx2.URL:
    """The address, if it is one that may be asked for at all: http or https, with a host, without a password, at a
    port that the web uses (80, 443 or above 1023). Raises UnfetchableInput."""
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL as fault:
        raise UnfetchableInput(f"the web address can't be read: {fault}", code="bad_url") from fault
    if url.scheme not in SCHEMES or not url.host:
        raise UnfetchableInput(
            "a web address starts with http:// or https:// and names a host", code="bad_url"
        )
    if url.userinfo:
        raise UnfetchableInput("the web address holds a password; give one without", code="bad_url")
    if not _is_web_port(url.port):
        raise UnfetchableInput(f"port {url.port} is none that pictures are fetched from", code="bad_url")
    return url


def _is_web_port(port: int | None) -> bool:
    return port in (None, 80, 443) or 1024 <= port < 65536


class Deadline:
    """The moment by which all must be done; each step gets what is left of it. `now` is a monotonic clock, seconds."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._end = now() + seconds

    def at_most(self, seconds: float | None) -> float:
        """That many seconds, or what is left if it is less. Raises UnfetchableInput when nothing is."""
        left = self._end - self._now()
        if left <= 0:
            raise timed_out()
        return left if seconds is None else min(left, seconds)


@dataclass(frozen=True, slots=True)
class Gate:
    """Which hosts may be connected to. `permits` judges every address of a host."""

    resolve: Resolve = resolve
    permits: Callable[[Address], bool] = is_public

    def addresses(self, host: str, port: int, seconds: float) -> Sequence[str]:
        """The host's addresses, all of them permitted. Raises UnfetchableInput; it does not tell a host that isn't
        there from one that may not be asked, nor any address: that would map a private network."""
        try:
            found = _within(seconds, lambda: self.resolve(host, port))
        except TimeoutError as fault:
            raise timed_out() from fault
        except (OSError, UnicodeError) as fault:
            raise _refused(host) from fault
        if not found or not all(self.permits(ip_address(address)) for address in found):
            raise _refused(host)
        return found


def _refused(host: str) -> UnfetchableInput:
    return UnfetchableInput(
        f"the host {host} has no public address: it isn't there, or it lies in a private network",
        code="address_refused",
    )


def timed_out() -> UnfetchableInput:
    return UnfetchableInput("the server took too long; try again later", code="fetch_timeout")


def _within(seconds: float, work: Callable[[], Sequence[str]]) -> Sequence[str]:
    """What `work` gives, or TimeoutError: a system's resolver has no time-out of its own to set."""
    answer: Future[Sequence[str]] = Future()

    def run() -> None:
        try:
            answer.set_result(work())
        except BaseException as fault:  # noqa: BLE001 - told to the thread that waits
            answer.set_exception(fault)

    threading.Thread(target=run, name="resolve", daemon=True).start()
    return answer.result(seconds)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait: for a connection, for the next bytes, and for the whole with all redirects."""

    connect: float = 5.0
    silence: float = 10.0
    total: float = 30.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `headers` are those beside Host and User-Agent."""

    url: httpx2.URL
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are in lower case; of a repeated one the last counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Web:
    """Exchanges with public hosts. Safe to share between threads; connections are not kept."""

    def __init__(
        self,
        agent: str,
        gate: Gate | None = None,
        patience: Patience | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`agent` is sent as User-Agent. tls: who is trusted; unset, whom the system trusts."""
        self.agent = agent
        self.gate = gate or Gate()
        self.patience = patience or Patience()
        self._given_tls = tls

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or httpcore2.default_ssl_context()

    def deadline(self) -> Deadline:
        """A new allowance of time, for one exchange or several that belong together."""
        return Deadline(self.patience.total)

    def exchange(self, call: Call, deadline: Deadline, most: int) -> Answer:
        """Ask once. Raises UnfetchableInput: `too_large` beyond `most` bytes, `fetch_timeout`, `address_refused`,
        `fetch_failed`."""
        network = _Network(self.gate, deadline)
        try:
            with httpcore2.ConnectionPool(self._tls, network_backend=network, max_connections=1) as pool:
                return self._exchanged(pool, call, most)
        except httpcore2.TimeoutException as fault:
            raise timed_out() from fault
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as fault:
            raise UnfetchableInput(f"the server could not be talked to ({type(fault).__name__})") from fault

    def _exchanged(self, pool: httpcore2.ConnectionPool, call: Call, most: int) -> Answer:
        url = call.url
        target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        headers = {"Host": url.netloc.decode("ascii"), "User-Agent": self.agent, **call.headers}
        waits = {
            "connect": self.patience.connect,
            "read": self.patience.silence,
            "write": self.patience.silence,
        }
        with pool.stream(
            call.method,
            target,
            headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()],
            content=call.content,
            extensions={"timeout": waits},
        ) as response:
            answered = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
            }
            _require_size(answered.get("content-length"), most)
            return Answer(response.status, answered, _read(response.iter_stream(), most))


def _require_size(declared: str | None, most: int) -> None:
    if declared is not None and declared.isdecimal() and int(declared) > most:
        raise _too_large(most)


def _read(chunks: Iterable[bytes], most: int) -> bytes:
    kept = bytearray()
    for chunk in chunks:
        kept += chunk
        if len(kept) > most:
            raise _too_large(most)
    return bytes(kept)


def _too_large(most: int) -> UnfetchableInput:
    return UnfetchableInput(f"the answer is larger than the {most:,} bytes allowed", code="too_large")


class _Network(httpcore2.NetworkBackend):
    """Connects to what the gate lets through, and keeps every step within the deadline."""

    def __init__(self, gate: Gate, deadline: Deadline) -> None:
        self._gate = gate
        self._deadline = deadline
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        failed: Exception | None = None
        for address in self._gate.addresses(host, port, self._deadline.at_most(timeout))[:TRIED]:
            left = self._deadline.at_most(timeout)
            try:
                stream = self._sockets.connect_tcp(address, port, left, local_address, socket_options or ())
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as fault:
                failed = fault
                continue
            return _Stream(stream, self._deadline)
        raise failed or httpcore2.ConnectError()

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore2.NetworkStream:
        raise httpcore2.ConnectError("a socket of this machine is no public host")


class _Stream(httpcore2.NetworkStream):
    """A connection whose every step ends by the deadline."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.at_most(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.at_most(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        left = self._deadline.at_most(timeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
