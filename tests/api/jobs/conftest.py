"""An installation whose people are colours, with red registered, and scans over pictures of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from api.composition import Application
from api.jobs.building import runner_of
from data.store.keys import NewKey
from data.store.scans import ItemKind, NewItem, NewScan, Scan
from detector.access import Role
from tests.api.colours import Colour, Installation, drawn


@pytest.fixture
def application(
    here: Installation, enrolled: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Application]:
    """RED is the talent AG-1; batches are small, so that a few pictures are several."""
    monkeypatch.setenv("LOOKALIKE_BATCH_SIZE", "2")
    enrolled("AG-1", "red")
    with Application(here.configured, here.parts) as opened:
        yield opened


@dataclass(frozen=True)
class Ordering:
    """Orders scans as the service does: files into the uploads, then the scan."""

    application: Application
    key_id: str

    def files(self, *pictures: bytes, **changes: object) -> Scan:
        store = self.application.store
        scan_id = store.scans.new_id()
        for number, picture in enumerate(pictures):
            store.uploads.keep(scan_id, number, picture)
        items = [NewItem(f"{number}.png", ItemKind.FILE) for number in range(len(pictures))]
        return store.scans.create(NewScan(self.key_id, "shop", items, **changes), scan_id)

    def items(self, *items: NewItem) -> Scan:
        return self.application.store.scans.create(NewScan(self.key_id, "shop", items))

    def colours(self, *people: Sequence[Colour], **changes: object) -> Scan:
        return self.files(*(drawn(*who, seed=number) for number, who in enumerate(people)), **changes)


@pytest.fixture
def ordering(application: Application) -> Ordering:
    key, _ = application.store.keys.create(NewKey(Role.ADMIN, "tests"))
    return Ordering(application, key.id)


@pytest.fixture
def run(application: Application) -> Callable[[Scan], bool]:
    """One turn of a worker."""
    runner = runner_of(application)
    return lambda scan: runner.run(scan.id)
