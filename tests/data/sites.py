"""Names and servers of a small private web: `127.0.0.1` is its public network, the rest of this machine is private."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address

import pytest

from data.outgoing import Address, Patience
from detector.errors import UnfetchableInput

QUICK = Patience(connect=2.0, silence=1.0, total=3.0)


def here_only(address: Address) -> bool:
    """In these tests the public network is 127.0.0.1; the rest of this machine is private."""
    return address == IPv4Address("127.0.0.1")


class Names:
    """A resolver that gives each name's answers in turn, the last one for ever. `asked` holds every look-up."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {name.replace("_", "."): list(turns) for name, turns in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        turns = self._answers.get(host)
        if turns is None:
            raise OSError(f"{host} is not known")
        return turns.pop(0) if len(turns) > 1 else turns[0]


class Site:
    """A real server on one address. `paths` holds what it was asked for, `hosts` the Host headers."""

    def __init__(self, address: str, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.paths.append(self.path)
                site.hosts.append(self.headers["Host"])
                answer(self)

            def do_POST(self) -> None:
                site.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.do_GET()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer((address, 0), Handler)
        self.paths: list[str] = []
        self.hosts: list[str] = []
        self.bodies: list[bytes] = []

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])


@contextmanager
def running(site: Site) -> Iterator[Site]:
    thread = threading.Thread(target=site.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        site.server.shutdown()
        site.server.server_close()
        thread.join()


def saying(body: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def code_of(work: Callable[[], object]) -> str:
    with pytest.raises(UnfetchableInput) as raised:
        work()
    return raised.value.code
