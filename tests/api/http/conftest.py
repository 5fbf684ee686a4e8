"""The service over a whole installation whose people are colours, called in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.composition import Application
from api.http.app import create_app
from api.http.service import Service
from data.store.keys import NewKey
from detector.access import Role
from tests.api.colours import Installation

Calls = Callable[..., TestClient]


@pytest.fixture
def application(here: Installation) -> Iterator[Application]:
    """The installation's application, as the serving process holds it."""
    with Application(here.configured, here.parts) as opened:
        yield opened


@pytest.fixture
def app(application: Application) -> FastAPI:
    return create_app(Service(application))


@pytest.fixture
def nobody(app: FastAPI) -> Iterator[TestClient]:
    """A caller without a key. The application is warmed up."""
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up()
        yield client


@pytest.fixture
def call_as(nobody: TestClient, application: Application) -> Calls:
    """A caller with a new key of this role: `call_as("scanner", client="Acme")`."""

    def caller(role: str, **sees: str) -> TestClient:
        _, token = application.store.keys.create(NewKey(Role(role), f"the {role}", **sees))
        client = TestClient(nobody.app, raise_server_exceptions=False)
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    return caller


@pytest.fixture
def admin(call_as: Calls) -> TestClient:
    return call_as("admin")
