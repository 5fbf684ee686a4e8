"""An installation whose people are colours, a worker's turn over a scan, and a look at every byte of what is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from api.composition import Application
from api.jobs.building import runner_of
from data.store.keys import NewKey
from data.store.scans import ItemKind, NewItem, NewScan
from detector.access import Role
from tests.api.colours import Installation
from tests.api.privacy.looking import State


@pytest.fixture
def state(here: Installation) -> State:
    return State(here.folder / "state")


@pytest.fixture
def application(here: Installation) -> Iterator[Application]:
    with Application(here.configured, here.parts) as opened:
        yield opened


@pytest.fixture
def scan(application: Application) -> Callable[[list[bytes]], list[str]]:
    """Scans these pictures as the service and its worker do; gives back the verdicts."""
    key, _ = application.store.keys.create(NewKey(Role.ADMIN, "tests"))

    def run(pictures: list[bytes]) -> list[str]:
        store, runner = application.store, runner_of(application)
        scan_id = store.scans.new_id()
        for number, picture in enumerate(pictures):
            store.uploads.keep(scan_id, number, picture)
        items = [NewItem(f"{number}.png", ItemKind.FILE) for number in range(len(pictures))]
        store.scans.create(NewScan(key.id, "shop", items), scan_id)
        while runner.run(scan_id):
            pass
        store.uploads.discard_scan(scan_id)
        return [str(one.row["verdict"]) for one in store.scans.rows(scan_id, -1, len(pictures))]

    return run
