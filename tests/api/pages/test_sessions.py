"""Signing in and out: what a session opens, when it ends, and what another site can't do with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from api.composition import Application
from api.http.app import create_app
from api.http.service import Service
from api.pages.areas.sign_in import local_path
from api.pages.headers import POLICY
from api.pages.sessions import LIFETIME
from data.store import Store
from tests.api.colours import NOW
from tests.api.pages.conftest import TOKEN, Browser

MakeKey = Callable[..., tuple[str, str]]


def test_without_a_session_every_page_leads_to_the_sign_in_and_back(visitor: Browser, key: MakeKey) -> None:
    asked = visitor.client.get("/review/fnd_1?state=open", follow_redirects=False)
    assert (asked.status_code, asked.headers["Location"]) == (
        303,
        "/sign-in?next=/review/fnd_1%3Fstate%3Dopen",
    )
    page = visitor.get(asked.headers["Location"])
    assert 'name="next" value="/review/fnd_1?state=open"' in page
    entered = visitor.send(
        "/sign-in", "/sign-in", {"key": key("reviewer")[1], "next": "/review/fnd_1?state=open"}
    )
    assert (entered.status_code, entered.headers["Location"]) == (303, "/review/fnd_1?state=open")


def test_a_wrong_key_is_refused_and_audited(visitor: Browser, store: Store) -> None:
    refused = visitor.sign_in("lk_nobody_nothing")
    assert refused.status_code == 401
    assert "not known" in refused.text
    assert "lk_nobody_nothing" not in refused.text
    assert [event.subject for event in store.audit.list() if event.action == "access.refused"] == [
        "anonymous"
    ]


def test_the_cookie_is_for_the_server_alone_and_holds_no_key(visitor: Browser, key: MakeKey) -> None:
    _, text = key()
    entered = visitor.sign_in(text)
    cookie = entered.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert text.rpartition("_")[2] not in cookie


def test_over_https_the_cookie_is_secure_and_bound_to_the_host(
    application: Application, key: MakeKey
) -> None:
    app = create_app(Service(application))
    browser = Browser(TestClient(app, base_url="https://testserver"))
    cookie = browser.sign_in(key()[1]).headers["Set-Cookie"]
    assert cookie.startswith("__Host-lookalike_session=")
    assert "Secure" in cookie


def test_the_session_ends_with_its_key(visitor: Browser, key: MakeKey, store: Store) -> None:
    key_id, text = key()
    visitor.sign_in(text)
    visitor.get("/", 303)
    store.keys.revoke(key_id)
    assert visitor.client.get("/", follow_redirects=False).headers["Location"].startswith("/sign-in")


def test_the_session_ends_after_a_working_day(
    application: Application, visitor: Browser, key: MakeKey
) -> None:
    visitor.sign_in(key()[1])
    visitor.get("/", 303)
    application.parts = replace(application.parts, clock=lambda: NOW + LIFETIME - timedelta(seconds=1))
    assert visitor.client.get("/", follow_redirects=False).headers["Location"] != "/sign-in?next=/"
    application.parts = replace(application.parts, clock=lambda: NOW + LIFETIME)
    assert visitor.client.get("/", follow_redirects=False).headers["Location"] == "/sign-in?next=/"


def test_an_altered_cookie_is_no_session(visitor: Browser, key: MakeKey) -> None:
    visitor.sign_in(key()[1])
    name, value = next(iter(visitor.client.cookies.items()))
    visitor.client.cookies.set(name, value[:-2] + ("aa" if value[-2:] != "aa" else "bb"))
    other = TestClient(visitor.client.app, cookies={name: value[:-2] + "xx"})
    assert other.get("/", follow_redirects=False).headers["Location"].startswith("/sign-in")


def test_signing_in_begins_a_new_session_with_a_token_of_its_own(
    visitor: Browser, browse_as: Callable[..., Browser]
) -> None:
    before = TOKEN.search(visitor.get("/sign-in"))
    after = TOKEN.search(browse_as("reviewer").get("/review"))
    assert before
    assert after
    assert before[1] != after[1]


def test_signing_out_ends_it(browse_as: Callable[..., Browser]) -> None:
    browser = browse_as("reviewer")
    assert browser.send("/review", "/sign-out", {}).status_code == 303
    assert browser.client.get("/", follow_redirects=False).headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
)
def test_a_form_of_another_site_is_refused(
    browse_as: Callable[..., Browser], headers: dict[str, str]
) -> None:
    browser = browse_as("reviewer")
    assert browser.send("/review", "/sign-out", {}, headers=headers).status_code == 403
    browser.get("/review")


def test_a_form_without_the_sessions_token_is_refused(browse_as: Callable[..., Browser]) -> None:
    browser = browse_as("reviewer")
    for token in ("", "x", "ü"):
        refused = browser.client.post("/sign-out", data={"csrf": token}, follow_redirects=False)
        assert refused.status_code == 403
    browser.get("/review")


def test_a_place_to_go_on_to_is_never_another_site() -> None:
    for wanted in (
        "https://elsewhere.example",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "javascript:x",
        "",
    ):
        assert local_path(wanted) == "/"
    assert local_path("/review?state=open&severity=high") == "/review?state=open&severity=high"


def test_every_answer_carries_the_policy(visitor: Browser) -> None:
    for path in ("/sign-in", "/review", "/static/app.css"):
        headers = visitor.client.get(path, follow_redirects=False).headers
        assert headers["Content-Security-Policy"] == POLICY
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert visitor.client.get("/sign-in").headers["Cache-Control"] == "no-store"
    assert visitor.client.get("/static/app.css").headers["Cache-Control"] == "no-cache"


def test_colours_are_kept_in_the_browser(visitor: Browser) -> None:
    visitor.client.post("/theme", data={"theme": "dark", "next": "/sign-in"}, follow_redirects=False)
    assert '<html lang="en" data-theme="dark">' in visitor.get("/sign-in")
    visitor.client.post("/theme", data={"theme": '"><b>', "next": "/sign-in"}, follow_redirects=False)
    assert '<html lang="en" data-theme="dark">' in visitor.get("/sign-in")
