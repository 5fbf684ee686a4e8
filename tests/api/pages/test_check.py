"""Checking a picture on a page: the verdict with its evidence, what is kept of it, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from httpx2 import Response

from data.store import Store
from data.store.queue import FindingFilter
from tests.api.colours import GREEN, GREY, RED, drawn
from tests.api.pages.conftest import Browser

Browse = Callable[..., Browser]


def check(browser: Browser, picture: bytes, name: str = "look.png", **use: str) -> Response:
    files = {"picture": (name, picture, "image/png")} if picture else None
    return browser.send("/check", "/check", use, files=files)


@pytest.fixture
def ana(enrolled: Callable[[str, str], str]) -> str:
    """A registered talent whose colour is red, with a reference and no use granted to anybody."""
    return enrolled("ana", "red")


def test_a_flagged_picture_shows_why_and_waits_in_the_queue(
    browse_as: Browse, ana: str, store: Store
) -> None:
    browser = browse_as("reviewer")
    answered = check(browser, drawn(RED, seed=5), client="Acme", medium="print", declared_ai="yes")
    assert answered.status_code == 200
    (kept,) = store.queue.page(FindingFilter())
    assert f'href="/review/{kept.id}"' in answered.text
    assert f'src="/pictures/findings/{kept.id}"' in answered.text
    assert "Name of ana" in answered.text
    assert "no consent" in answered.text
    assert kept.source == "look.png"
    assert kept.row["use"] == {"client": "Acme", "medium": "print", "declared_ai": True}
    browser.get(f"/review/{kept.id}")


@pytest.mark.parametrize("colour", [GREEN, GREY])
def test_of_anybody_else_nothing_is_kept(
    browse_as: Browse, ana: str, store: Store, colour: tuple[int, int, int]
) -> None:
    answered = check(browse_as("reviewer"), drawn(colour, seed=5))
    assert answered.status_code == 200
    assert "no match" in answered.text or "not applicable" in answered.text
    assert "/pictures/findings/" not in answered.text
    assert "The picture was not kept." in answered.text
    assert not store.queue.counts()


def test_what_was_wrong_is_said_and_what_was_typed_stays(browse_as: Browse, ana: str) -> None:
    browser = browse_as("reviewer")
    cases = {
        b"no picture": ({"client": "Ac<me"}, "look.png"),
        drawn(RED): ({"territory": "Atlantis", "client": "Ac<me"}, "territory"),
        b"": ({"client": "Ac<me"}, "choose a picture"),
    }
    for data, (use, said) in cases.items():
        refused = check(browser, data, **use)
        assert refused.status_code == 422
        assert 'value="Ac&lt;me"' in refused.text
        assert said.lower() in refused.text.lower()


def test_a_clients_key_checks_its_own_uses_alone(browse_as: Browse, ana: str) -> None:
    scanner = browse_as("scanner", client="Acme")
    assert 'value="Acme"' in scanner.get("/check")
    assert check(scanner, drawn(RED), client="Rival").status_code == 403
    answered = check(scanner, drawn(RED), client="acme")
    assert answered.status_code == 200
    assert "Name of ana" not in answered.text


def test_a_file_name_is_text_and_nothing_else(browse_as: Browse, ana: str) -> None:
    browser = browse_as("reviewer")
    check(browser, drawn(RED), name="<img src=x onerror=alert(1)>.png")
    page = browser.get("/review")
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;.png" in page


def test_who_may_not_check_is_refused(browse_as: Browse) -> None:
    browse_as("registrar", agency="Muse").get("/check", 403)
