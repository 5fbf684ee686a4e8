"""Hostile calls on a real socket: each is answered with a problem or dropped, and others are answered on."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2
import pytest

from api.composition import Application
from api.http.app import create_app
from api.http.service import Service
from data.store.keys import NewKey
from detector.access import Role
from tests.api.colours import Installation
from tests.serving import served


@dataclass(frozen=True)
class Target:
    """A served installation, and the key of an admin."""

    address: str
    key: str

    def send(self, *parts: bytes, end: bool = False) -> bytes:
        """Raw bytes on a socket of their own; what came back until the service closed it or had no more to say."""
        place = urlsplit(self.address)
        with closing(socket.create_connection((place.hostname, place.port), timeout=10)) as connection:
            with suppress(OSError):  # it may close at the head already
                for part in parts:
                    connection.sendall(part)
                if end:
                    connection.shutdown(socket.SHUT_WR)
            return _answer_of(connection)

    def head(self, method: str, path: str, *lines: str) -> bytes:
        """A request's head with the key."""
        own = (
            f"{method} {path} HTTP/1.1",
            "Host: x",
            f"Authorization: Bearer {self.key}",
            "Connection: close",
        )
        return ("\r\n".join((*own, *lines)) + "\r\n\r\n").encode("latin-1")

    def is_well(self) -> bool:
        return httpx2.get(f"{self.address}/livez").json() == {"status": "ok"}


def _answer_of(connection: socket.socket) -> bytes:
    got = bytearray()
    try:
        while part := connection.recv(65536):
            got += part
    except ConnectionError:
        pass  # dropped in the middle of what it would not take
    return bytes(got)


def problem_in(answer: bytes) -> tuple[int, str]:
    """Status and code of a problem document."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, answer[:300]
    return int(head.split()[1]), json.loads(body)["code"]


@pytest.fixture
def target(here: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    monkeypatch.setenv("LOOKALIKE_HTTP_MAX_BODY", str(64 * 1024))
    monkeypatch.setenv("LOOKALIKE_HTTP_BODY_SECONDS", "0.4")
    with Application(here.configured, here.parts) as application:
        _, key = application.store.keys.create(NewKey(Role.ADMIN, "console"))
        service = Service(application)
        service.warm_up()
        with served(create_app(service)) as address:
            yield Target(address, key)


def test_a_body_that_does_not_arrive_is_given_up(target: Target) -> None:
    head = target.head("POST", "/v1/checks", "Content-Type: image/png", "Content-Length: 1000")
    assert problem_in(target.send(head, b"\x89PNG")) == (503, "request_too_slow")
    assert target.is_well()


def test_a_stranger_s_body_is_not_waited_for(target: Target) -> None:
    """Without a key the answer comes before a byte of the body."""
    head = b"POST /v1/checks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 60000\r\n\r\n"
    assert problem_in(target.send(head)) == (401, "unauthenticated")


def test_bodies_above_the_limit_are_refused_whatever_they_say_of_themselves(target: Target) -> None:
    kind = "Content-Type: image/png"
    declared = target.head("POST", "/v1/checks", kind, f"Content-Length: {10**12}")
    assert problem_in(target.send(declared)) == (413, "request_too_large")
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    chunked = target.head("POST", "/v1/checks", kind, "Transfer-Encoding: chunked")
    assert problem_in(target.send(chunked, chunk, chunk, chunk)) == (413, "request_too_large")
    assert target.is_well()


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: -1",),
        ("Transfer-Encoding: chunked, identity",),
        ("X : smuggled",),
        ("A" * 70_000 + ": 1",),
    ],
)
def test_requests_that_two_parsers_could_read_differently_are_not_done(
    target: Target, lines: tuple[str, ...]
) -> None:
    body = b'{"role":"admin","name":"smuggled"}'
    target.send(target.head("POST", "/v1/keys", "Content-Type: application/json", *lines), body, end=True)
    assert target.is_well()
    keys = httpx2.get(f"{target.address}/v1/keys", headers={"Authorization": f"Bearer {target.key}"})
    assert [key["name"] for key in keys.json()["items"]] == ["console"]


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x=1", "a\nX-Injected: 1", "\x00", "é" * 20, "x" * 5000])
def test_a_callers_words_never_become_headers(target: Target, value: str) -> None:
    head = target.head("GET", "/v1/keys/self", f"X-Request-Id: {value}")
    answer = target.send(head).partition(b"\r\n\r\n")[0].lower()
    assert b"set-cookie" not in answer
    assert b"x-injected" not in answer
    assert target.is_well()


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2f..%2fapi/settings.py",
        "/static/%2e%2e/%2e%2e/pyproject.toml",
        "/static//etc/passwd",
        "/static/app.css%00.png",
        "/v1/references/..%2f..%2fetc%2fpasswd/picture",
        "/v1/findings/%2e%2e/picture",
    ],
)
def test_no_path_leads_out_of_what_is_served(target: Target, path: str) -> None:
    answer = target.send(target.head("GET", path))
    assert int(answer.split()[1]) in (404, 405, 400), answer[:200]
    assert b"root:" not in answer
    assert b"import" not in answer


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/a.png",
        "http://localhost/a.png",
        "http://[::1]/a.png",
        "http://[::ffff:127.0.0.1]/a.png",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/a.png",
        "http://2130706433/a.png",
        "http://0x7f.1/a.png",
        "http://0/a.png",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://user:password@127.0.0.1/",
        "//127.0.0.1/",
    ],
)
def test_no_address_makes_the_service_ask_a_private_place(target: Target, url: str) -> None:
    headers = {"Authorization": f"Bearer {target.key}"}
    answer = httpx2.post(f"{target.address}/v1/checks", json={"url": url}, headers=headers, timeout=20)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] not in ("internal_error", "not_an_image")


def test_names_of_files_stay_names(
    target: Target, here: Installation, colours: dict[str, tuple[int, int, int]]
) -> None:
    """What a caller calls a file is told as data, and nothing is written by it."""
    headers = {"Authorization": f"Bearer {target.key}"}
    before = sorted(path.name for path in here.folder.iterdir())
    picture = here.picture("p.png", colours["grey"]).read_bytes()
    for name in (
        "../../etc/cron.d/x",
        "a\r\nX-Injected: 1",
        '"><script>alert(1)</script>',
        "C:\\x.png",
        "a" * 3000,
    ):
        answer = httpx2.post(
            f"{target.address}/v1/checks", files={"picture": (name, picture)}, headers=headers, timeout=20
        )
        assert answer.status_code in (200, 400, 422), answer.text
        assert answer.headers["content-type"] in ("application/json", "application/problem+json")
        assert "x-injected" not in answer.headers
    after = sorted(path.name for path in here.folder.iterdir())
    assert [name for name in after if name not in before] == ["p.png"]
