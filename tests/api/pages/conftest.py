"""The pages over a whole installation whose people are colours, called in this process by a browser without a script."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from api.composition import Application
from api.http.app import create_app
from api.http.service import Service
from data.store import NewReference, Store
from data.store.findings import KeptFinding, NewFinding
from data.store.keys import NewKey
from detector.access import Role
from detector.signals import Box, FaceQuality
from tests.api.colours import RED, Installation, drawn
from tests.flagged import face, row

TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class Browser:
    """Keeps cookies, follows nothing by itself, and sends forms as a browser would."""

    client: TestClient

    def get(self, path: str, status: int = 200) -> str:
        response = self.client.get(path, follow_redirects=False)
        assert response.status_code == status, response.text
        return str(response.text)

    def send(self, page: str, path: str, fields: dict[str, str], **more: Any) -> Response:
        """Send a form of `page`, with the token that is in it."""
        found = TOKEN.search(self.get(page))
        assert found, f"{page} has no form"
        body = {"csrf": found[1], **fields}
        return self.client.post(path, data=body, follow_redirects=False, **more)

    def sign_in(self, key: str) -> Response:
        return self.send("/sign-in", "/sign-in", {"key": key})


@pytest.fixture
def application(here: Installation) -> Iterator[Application]:
    with Application(here.configured, here.parts) as opened:
        yield opened


@pytest.fixture
def store(application: Application) -> Store:
    return application.store


@pytest.fixture
def visitor(application: Application) -> Iterator[Browser]:
    """A browser that has not signed in."""
    with TestClient(create_app(Service(application)), raise_server_exceptions=False) as client:
        yield Browser(client)


@pytest.fixture
def key(store: Store) -> Callable[..., tuple[str, str]]:
    """Makes a key: its id, and the text that opens."""

    def make(role: str = "admin", **sees: str) -> tuple[str, str]:
        made, text = store.keys.create(NewKey(Role(role), f"the {role}", **sees))
        return made.id, text

    return make


@pytest.fixture
def browse_as(visitor: Browser, key: Callable[..., tuple[str, str]]) -> Callable[..., Browser]:
    """A browser in which somebody with a new key of this role has signed in."""

    def browse(role: str = "admin", **sees: str) -> Browser:
        browser = Browser(TestClient(visitor.client.app, raise_server_exceptions=False))
        assert browser.sign_in(key(role, **sees)[1]).status_code == 303
        return browser

    return browse


@pytest.fixture
def ada(store: Store) -> str:
    """A talent of the agency Muse; her id."""
    return store.talents.add("AG-1", "Ada <Example>", agency="Muse").id


@pytest.fixture
def reference(store: Store, ada: str) -> str:
    """A reference of hers."""
    quality = FaceQuality(0.9, 40.0, 100.0, 0.0)
    new = NewReference(drawn(RED), "ada <1>.png", Box(8, 8, 40, 40), ((1.0, 2.0),) * 5, quality, {})
    return store.references.add(ada, new).id


@pytest.fixture
def flagged(store: Store, key: Callable[..., tuple[str, str]], ada: str) -> Callable[..., KeptFinding]:
    """Keeps a finding of a picture of Ada."""
    key_id, _ = key("admin")

    def keep(client: str | None = "Acme", picture: bytes = drawn(RED, seed=7), **changes: Any) -> KeptFinding:
        made = row(face(ada), picture=picture, **{"width": 64, "height": 64, **changes})
        kept = store.findings.add(NewFinding(made, key_id, client, None, picture))
        assert kept is not None
        return kept

    return keep
