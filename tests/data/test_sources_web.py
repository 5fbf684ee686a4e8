"""Fetching pictures from a real server: redirects, robots, and what is said when it can't be done."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from data.outgoing import Gate, Web
from data.sources.web import Fetcher
from detector.errors import InputError, UnfetchableInput
from tests.data.sites import QUICK, Names, Site, code_of, here_only, running, saying

PUBLIC = [["127.0.0.1"]]


def fetcher(names: Names | None = None, most: int = 1000, *, robots: bool = False) -> Fetcher:
    gate = Gate(names or Names(pictures_test=PUBLIC), here_only)
    return Fetcher(Web("Lookalike/1 (+test)", gate, QUICK), most, robots=robots)


def leading(*places: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """A site whose paths /0, /1, … redirect to these places, and which else gives a picture."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        number = handler.path.strip("/")
        if number.isdecimal() and int(number) < len(places):
            saying(b"", 302, Location=places[int(number)])(handler)
        else:
            saying(b"picture", Content_Type="image/png", Set_Cookie="a=b")(handler)

    return answer


def test_the_bytes_come_with_what_the_answer_says_of_them() -> None:
    with running(Site("127.0.0.1", leading())) as site:
        url = f"http://pictures.test:{site.port}/a.png?size=2"
        fetched = fetcher().fetch(url)
    assert (fetched.data, fetched.url, fetched.final_url) == (b"picture", url, url)
    assert fetched.headers["content-type"] == "image/png"
    assert "set-cookie" not in fetched.headers
    assert "b'picture'" not in repr(fetched)


def test_it_says_who_asks_and_asks_for_nothing_but_the_bytes() -> None:
    sent: dict[str, str] = {}

    def answer(handler: BaseHTTPRequestHandler) -> None:
        sent.update({name.lower(): value for name, value in handler.headers.items()})
        saying(b"picture")(handler)

    with running(Site("127.0.0.1", answer)) as site:
        fetcher().fetch(f"http://pictures.test:{site.port}/")
    assert sent["user-agent"] == "Lookalike/1 (+test)"
    assert sent["accept-encoding"] == "identity"
    assert not {"cookie", "referer", "authorization"} & sent.keys()


def test_redirects_are_followed_and_the_last_place_is_told() -> None:
    with running(Site("127.0.0.1", leading("/1", "../x"))) as site:
        fetched = fetcher().fetch(f"http://pictures.test:{site.port}/0")
    assert fetched.final_url == f"http://pictures.test:{site.port}/x"
    assert site.paths == ["/0", "/1", "/x"]


@pytest.mark.parametrize("host", ["intranet.test", "127.0.0.2", "[::ffff:127.0.0.2]"])
def test_a_redirect_into_a_private_network_is_refused_and_not_tried(host: str) -> None:
    inside = {name: [["127.0.0.2"]] for name in ("intranet.test", "127.0.0.2", "::ffff:127.0.0.2")}
    names = Names(**{"pictures.test": PUBLIC, **inside})
    with running(Site("127.0.0.2", saying(b"secret"))) as private:
        with running(Site("127.0.0.1", leading(f"http://{host}:{private.port}/admin"))) as site:
            url = f"http://pictures.test:{site.port}/0"
            assert code_of(lambda: fetcher(names).fetch(url)) == "address_refused"
        assert (site.paths, private.paths) == (["/0"], [])


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("file:///etc/passwd", "bad_url"),
        ("http://u:p@pictures.test/", "bad_url"),
        ("http://pictures.test:22/", "bad_url"),
        ("", "fetch_failed"),
    ],
)
def test_a_redirect_to_what_is_no_web_address_is_refused(place: str, code: str) -> None:
    with running(Site("127.0.0.1", leading(place))) as site:
        assert code_of(lambda: fetcher().fetch(f"http://pictures.test:{site.port}/0")) == code


def test_redirects_without_end_end() -> None:
    with running(Site("127.0.0.1", leading("/0"))) as site:
        assert code_of(lambda: fetcher().fetch(f"http://pictures.test:{site.port}/0")) == "fetch_failed"
    assert len(site.paths) == 6


@pytest.mark.parametrize(
    "answer", [saying(b"gone", 404), saying(b"x", Content_Encoding="gzip"), saying(b"", 204)]
)
def test_what_is_no_picture_s_answer_is_an_error(answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
    with running(Site("127.0.0.1", answer)) as site:
        assert code_of(lambda: fetcher().fetch(f"http://pictures.test:{site.port}/a")) == "fetch_failed"


def test_an_error_names_the_address_but_never_its_password() -> None:
    with pytest.raises(UnfetchableInput) as raised:
        fetcher().fetch("http://user:geheim@pictures.test/a.png")
    assert "geheim" not in raised.value.detail
    assert "pictures.test/a.png" in raised.value.detail


def test_an_item_is_fetched_when_it_is_read() -> None:
    with running(Site("127.0.0.1", leading())) as site:
        item = fetcher().item(f"http://pictures.test:{site.port}/a", {"client": "Acme"})
        assert site.paths == []
        assert (item.read(), item.row["client"]) == (b"picture", "Acme")
    with pytest.raises(InputError):
        item.read()


# Robots


def robots(text: str, status: int = 200) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        rules = handler.path == "/robots.txt"
        saying(text.encode() if rules else b"picture", status if rules else 200)(handler)

    return answer


@pytest.mark.parametrize(
    ("text", "status", "allowed"),
    [
        ("User-agent: *\nDisallow: /private/", 200, True),
        ("User-agent: *\nDisallow: /*.png$", 200, False),
        ("User-agent: *\nDisallow: /", 200, False),
        ("User-agent: lookalike\nAllow: /\n\nUser-agent: *\nDisallow: /", 200, True),
        ("User-agent: Lookalike\nDisallow: /\n\nUser-agent: *\nAllow: /", 200, False),
        ("User-agent: other\nDisallow: /", 200, True),
        ("", 404, True),
        ("", 403, True),
        ("", 503, False),
        ("\x00\xff not robots at all", 200, True),
    ],
)
def test_what_a_site_wishes_is_kept_to(text: str, status: int, allowed: bool) -> None:
    polite = fetcher(robots=True)
    with running(Site("127.0.0.1", robots(text, status))) as site:
        url = f"http://pictures.test:{site.port}/a.png"
        if allowed:
            assert polite.fetch(url).data == b"picture"
        else:
            assert code_of(lambda: polite.fetch(url)) == "robots_refused"
            assert "/a.png" not in site.paths


def test_robots_is_asked_once_for_many_pictures_of_a_site() -> None:
    polite = fetcher(robots=True)
    with running(Site("127.0.0.1", robots("User-agent: *\nDisallow: /private/"))) as site:
        for name in "abc":
            polite.fetch(f"http://pictures.test:{site.port}/{name}")
    assert site.paths == ["/robots.txt", "/a", "/b", "/c"]


def test_robots_that_redirects_into_a_private_network_is_no_way_in() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        saying(b"", 302, Location=f"http://intranet.test:{private.port}/robots.txt")(handler)

    names = Names(pictures_test=PUBLIC, intranet_test=[["127.0.0.2"]])
    with running(Site("127.0.0.2", saying(b"secret"))) as private, running(Site("127.0.0.1", answer)) as site:
        url = f"http://pictures.test:{site.port}/a"
        assert code_of(lambda: fetcher(names, robots=True).fetch(url)) == "address_refused"
        assert private.paths == []
