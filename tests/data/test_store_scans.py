"""Scans in the store: a lease at a time, each picture's row once, findings and rows together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from data.store import Store
from data.store.findings import NewFinding
from data.store.keys import NewKey
from data.store.scan_work import CheckedItem, Lease
from data.store.scans import ItemKind, NewItem, NewScan, Progress, Scan, ScanState
from data.uploads import Uploads
from data.vault import Vault, ring_of
from detector.access import Role
from detector.errors import Conflict, LeaseLost, NotFound, UsageError, VaultError
from tests.data.conftest import SetClock
from tests.flagged import face, row


@pytest.fixture
def key_id(store: Store) -> str:
    return store.keys.create(NewKey(Role.ADMIN, "tests"))[0].id


@pytest.fixture
def talent_id(store: Store) -> str:
    return store.talents.add("AG-1", "Ada Example").id


def order(store: Store, key_id: str, pictures: int = 5, **changes: object) -> Scan:
    items = [NewItem(f"{number}.jpg", ItemKind.FILE) for number in range(pictures)]
    return store.scans.create(NewScan(key_id, "shop", items, **{"client": "Acme", **changes}))


def claimed(store: Store, scan: Scan, worker: str = "one", seconds: float = 30.0) -> Lease:
    lease = store.scan_work.claim(scan.id, worker, seconds)
    assert lease is not None
    return lease


def clean(number: int) -> CheckedItem:
    return CheckedItem(number, row(source=f"{number}.jpg"))


def flagged(number: int, talent_id: str) -> CheckedItem:
    picture = b"picture %d" % number
    return CheckedItem(number, row(face(talent_id), picture=picture, source=f"{number}.jpg"), picture)


def events(store: Store, action: str) -> list[str]:
    return [event.subject for event in store.audit.list() if event.action == action]


def test_a_scan_keeps_what_was_ordered(store: Store, key_id: str) -> None:
    asked = datetime(2025, 5, 1, tzinfo=UTC)
    item = NewItem(
        "https://shop.example/a.jpg", ItemKind.URL, "https://shop.example/a.jpg", {"medium": "print"}
    )
    made = store.scans.create(NewScan(key_id, "feed", [item], " Acme ", {"territory": "FR"}, asked))
    assert store.scans.get(made.id) == made
    assert (made.client, made.use, made.as_of, made.total) == ("Acme", {"territory": "FR"}, asked, 1)
    (kept,) = store.scan_work.unchecked(made.id, -1, 10)
    assert (kept.kind, kept.location, kept.columns) == (item.kind, item.location, {"medium": "print"})
    assert events(store, "scan.created") == [made.id]


def test_a_scan_without_a_moment_speaks_of_its_order(store: Store, key_id: str) -> None:
    made = order(store, key_id)
    assert made.as_of == made.created_at


def test_a_scan_of_nothing_is_refused(store: Store, key_id: str) -> None:
    with pytest.raises(UsageError) as refused:
        order(store, key_id, pictures=0)
    assert refused.value.code == "empty_scan"


def test_scans_are_listed_by_client_newest_first(store: Store, key_id: str) -> None:
    ours = [order(store, key_id, client=name).id for name in ("Acme", "ACME ", "acme")]
    theirs = order(store, key_id, client="Other").id
    assert [scan.id for scan in store.scans.page("acme", None, 10)] == ours[::-1]
    assert [scan.id for scan in store.scans.page(None, None, 2)] == [theirs, ours[2]]
    assert [scan.id for scan in store.scans.page(None, ours[2], 10)] == [ours[1], ours[0]]


def test_one_worker_holds_a_scan_until_its_lease_passes(store: Store, key_id: str, clock: SetClock) -> None:
    scan = order(store, key_id)
    lease = claimed(store, scan, "one")
    assert store.scan_work.claim(scan.id, "two", 30) is None
    assert store.scan_work.waiting() == []
    clock.now += timedelta(seconds=20)
    store.scan_work.renew(lease)
    clock.now += timedelta(seconds=20)
    assert store.scan_work.claim(scan.id, "two", 30) is None
    clock.now += timedelta(seconds=20)
    assert store.scan_work.waiting() == [scan.id]
    assert claimed(store, scan, "two").attempts == 2
    for late in (
        store.scan_work.renew,
        store.scan_work.release,
        lambda lease: store.scan_work.record(lease, []),
    ):
        with pytest.raises(LeaseLost):
            late(lease)


def test_a_lease_that_nobody_took_over_still_counts(store: Store, key_id: str, clock: SetClock) -> None:
    lease = claimed(store, order(store, key_id))
    clock.now += timedelta(hours=1)
    assert store.scan_work.record(lease, [clean(0)]) is False


def test_rows_come_back_in_order_whatever_order_they_were_written_in(store: Store, key_id: str) -> None:
    scan = order(store, key_id)
    lease = claimed(store, scan)
    store.scan_work.record(lease, [clean(3)])
    store.scan_work.record(lease, [clean(0), clean(1)])
    assert [found.number for found in store.scans.rows(scan.id, -1, 10)] == [0, 1, 3]
    assert [found.number for found in store.scans.rows(scan.id, 0, 1)] == [1]
    assert [item.number for item in store.scan_work.unchecked(scan.id, -1, 10)] == [2, 4]
    assert store.scans.rows(scan.id, -1, 1)[0].row == row(source="0.jpg")


def test_a_row_is_written_once(store: Store, key_id: str, talent_id: str) -> None:
    scan = order(store, key_id)
    lease = claimed(store, scan)
    for _ in range(2):
        store.scan_work.record(lease, [flagged(0, talent_id), clean(1)])
    store.scan_work.record(lease, [CheckedItem(1, row(source="another.jpg"))])
    first, second = store.scans.rows(scan.id, -1, 10)
    assert second.row["source"] == "1.jpg"
    assert events(store, "finding.created") == [first.finding_id]
    assert store.findings.picture(str(first.finding_id)) == b"picture 0"


def test_counts(store: Store, key_id: str, talent_id: str) -> None:
    scan = order(store, key_id)
    error = {
        "error": {"code": "not_an_image", "detail": "no"},
        "status": "error",
        "verdict": None,
        "severity": None,
    }
    broken = CheckedItem(2, row(**error, decision=None))
    store.scan_work.record(claimed(store, scan), [flagged(0, talent_id), clean(1), broken])
    assert store.scans.progress([scan.id, "scn_none"]) == {
        scan.id: Progress(5, 3, 1, 1, {"no_consent": 1, "not_applicable": 1})
    }


def test_a_stored_row_names_talents_by_id_and_their_references_are_read_anew(
    store: Store, key_id: str, talent_id: str, store_url: str
) -> None:
    scan = order(store, key_id)
    store.scan_work.record(claimed(store, scan), [flagged(0, talent_id)])
    (found,) = store.scans.rows(scan.id, -1, 10)
    assert found.row["faces"][0]["candidates"][0]["talent_ref"] == "AG-1"


def test_an_erasure_leaves_rows_that_name_nobody(store: Store, key_id: str, talent_id: str) -> None:
    other = store.talents.add("AG-2", "Bea Example").id
    scan = order(store, key_id)
    lease = claimed(store, scan)
    both = CheckedItem(1, row(face(talent_id), face(other), picture=b"two"), b"two")
    store.scan_work.record(lease, [flagged(0, talent_id), both, clean(2)])
    store.talents.erase(talent_id)
    store.scan_work.record(lease, [flagged(3, talent_id)])
    found = store.scans.rows(scan.id, -1, 10)
    assert talent_id not in json.dumps([each.row for each in found])
    assert [each.row["verdict"] for each in found] == ["no_match", "no_consent", "not_applicable", "no_match"]
    assert [each.finding_id is None for each in found] == [True, False, True, True]
    assert store.scans.progress([scan.id])[scan.id].flagged == 1
    erased = found[0].row["decision"]
    assert (erased["row"], erased["reasons"][0]["code"]) == (4, "talent_erased")


def test_a_finding_and_its_row_are_one_change(
    store: Store, key_id: str, talent_id: str, clock: SetClock
) -> None:
    """A worker that wakes up after its lease went to another leaves neither."""
    scan = order(store, key_id)
    late = claimed(store, scan, "late")
    clock.now += timedelta(minutes=1)
    claimed(store, scan, "next")
    with pytest.raises(LeaseLost):
        store.scan_work.record(late, [flagged(0, talent_id)])
    assert events(store, "finding.created") == []
    assert store.scans.rows(scan.id, -1, 10) == []


def test_the_end_is_told_once_with_its_counts(store: Store, key_id: str, talent_id: str) -> None:
    scan = order(store, key_id, pictures=2)
    lease = claimed(store, scan)
    store.scan_work.record(lease, [flagged(0, talent_id), clean(1)])
    store.scan_work.finish(lease, ScanState.SUCCEEDED)
    ended = store.scans.get(scan.id)
    assert (ended.state, ended.error) == (ScanState.SUCCEEDED, None)
    assert ended.finished_at is not None
    assert store.scan_work.waiting() == []
    assert store.scan_work.claim(scan.id, "two", 30) is None
    assert events(store, "scan.finished") == [scan.id]
    with pytest.raises(LeaseLost):
        store.scan_work.finish(lease, ScanState.FAILED)


def test_a_scan_nobody_works_on_is_cancelled_at_once(store: Store, key_id: str, clock: SetClock) -> None:
    queued, orphan = order(store, key_id), order(store, key_id)
    claimed(store, orphan)
    clock.now += timedelta(minutes=1)
    for scan in (queued, orphan):
        assert store.scans.cancel(scan.id).state is ScanState.CANCELLED
        with pytest.raises(Conflict) as refused:
            store.scans.cancel(scan.id)
        assert refused.value.code == "scan_ended"


def test_a_worker_learns_of_a_cancellation_when_it_writes(store: Store, key_id: str) -> None:
    scan = order(store, key_id)
    lease = claimed(store, scan)
    assert store.scan_work.record(lease, [clean(0)]) is False
    assert store.scans.cancel(scan.id).state is ScanState.RUNNING
    assert store.scan_work.record(lease, [clean(1)]) is True


def test_only_a_failed_scan_is_resumed(store: Store, key_id: str) -> None:
    scan = order(store, key_id)
    with pytest.raises(Conflict) as refused:
        store.scans.resume(scan.id)
    assert refused.value.code == "scan_not_failed"
    lease = claimed(store, scan)
    store.scan_work.record(lease, [clean(0)])
    store.scan_work.finish(lease, ScanState.FAILED, "the store went away")
    assert store.scans.get(scan.id).error == "the store went away"
    again = store.scans.resume(scan.id)
    assert (again.state, again.error, again.as_of) == (ScanState.QUEUED, None, scan.as_of)
    assert [item.number for item in store.scan_work.unchecked(scan.id, -1, 10)] == [1, 2, 3, 4]


def test_attempts_count_turns_without_a_row(store: Store, key_id: str, clock: SetClock) -> None:
    scan = order(store, key_id)
    for attempt in (1, 2, 3):
        assert claimed(store, scan, f"dies {attempt}").attempts == attempt
        clock.now += timedelta(minutes=1)
    lease = claimed(store, scan, "writes")
    store.scan_work.record(lease, [clean(0)])
    clock.now += timedelta(minutes=1)
    assert claimed(store, scan, "next").attempts == 1


def test_what_is_not_there(store: Store) -> None:
    for call in (store.scans.get, store.scans.cancel, store.scans.resume):
        with pytest.raises(NotFound):
            call("scn_none")
    with pytest.raises(NotFound):
        store.scan_work.claim("scn_none", "one", 30)


class Workers(RuleBasedStateMachine):
    """Workers that take up, write, stall and come back in any order."""

    PICTURES = 6

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        self.clock = SetClock()
        self.store = Store.open(f"sqlite:///{self.folder.name}/s/store.sqlite3", clock=self.clock)
        key_id = self.store.keys.create(NewKey(Role.ADMIN, "tests"))[0].id
        self.talent_id = self.store.talents.add("AG-1", "Ada").id
        self.scan = order(self.store, key_id, self.PICTURES)
        self.leases: list[Lease] = []
        self.written: dict[int, str] = {}

    @rule()
    def take_up(self) -> None:
        lease = self.store.scan_work.claim(self.scan.id, f"worker {len(self.leases)}", 30)
        if lease is not None:
            self.leases.append(lease)

    @rule(seconds=st.sampled_from([1, 29, 31]))
    def time_passes(self, seconds: int) -> None:
        self.clock.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.leases)
    @rule(which=st.integers(0, 9), numbers=st.lists(st.integers(0, PICTURES - 1), max_size=3, unique=True))
    def write(self, which: int, numbers: list[int]) -> None:
        lease = self.leases[which % len(self.leases)]
        by = lease.worker
        checked = [
            flagged(number, self.talent_id) if number % 2 else CheckedItem(number, row(source=by))
            for number in numbers
        ]
        try:
            self.store.scan_work.record(lease, checked)
        except LeaseLost:
            assert lease is not self.leases[-1]
        else:
            assert lease is self.leases[-1]
            for number in numbers:
                self.written.setdefault(number, by)

    @invariant()
    def each_row_once_and_each_finding_with_its_row(self) -> None:
        rows = self.store.scans.rows(self.scan.id, -1, 100)
        assert {found.number for found in rows} == set(self.written)
        assert all(
            found.row["source"] == self.written[found.number] for found in rows if not found.finding_id
        )
        found = [found.finding_id for found in rows if found.finding_id]
        assert sorted(found) == sorted(events(self.store, "finding.created"))
        assert len(found) == sum(number % 2 for number in self.written)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()


TestWorkers = Workers.TestCase
TestWorkers.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)


@pytest.fixture
def uploads(tmp_path: Path) -> Iterator[Uploads]:
    return Uploads(tmp_path / "uploads")


def test_uploads_lie_apart_by_scan_and_are_gone_when_discarded(uploads: Uploads) -> None:
    for number in range(3):
        uploads.keep("scn_a1", number, b"%d" % number)
    uploads.keep("scn_b2", 0, b"other")
    assert uploads.scans() == ["scn_a1", "scn_b2"]
    assert uploads.folder.stat().st_mode & 0o077 == 0
    uploads.discard("scn_a1", [0, 2, 7])
    assert [uploads.read("scn_a1", number) for number in range(3)] == [None, b"1", None]
    uploads.discard_scan("scn_a1")
    assert uploads.scans() == ["scn_b2"]
    assert sorted(path.name for path in uploads.folder.rglob("*")) == ["000000000", "scn_b2"]


def test_no_name_leads_out_of_the_folder(uploads: Uploads) -> None:
    for name in ("../scn_a", "scn_a/..", "", "scn_"):
        with pytest.raises(ValueError, match="not the id"):
            uploads.keep(name, 0, b"x")


def test_a_folder_is_stale_after_an_hour(uploads: Uploads) -> None:
    uploads.keep("scn_a1", 0, b"x")
    now = datetime.now(UTC)
    assert not uploads.is_stale("scn_a1", now)
    assert uploads.is_stale("scn_a1", now + timedelta(hours=2))
    assert not uploads.is_stale("scn_none", now)


def test_uploads_are_sealed_where_there_is_a_key(tmp_path: Path) -> None:
    ring = ring_of([b"k" * 32])
    uploads = Uploads(tmp_path / "uploads", Vault(lambda: ring))
    uploads.keep("scn_a1", 0, b"a face in clear")
    assert uploads.read("scn_a1", 0) == b"a face in clear"
    (file,) = (path for path in uploads.folder.rglob("*") if path.is_file())
    assert b"face" not in file.read_bytes()
    file.rename(file.with_name("000000001"))
    with pytest.raises(VaultError):
        uploads.read("scn_a1", 1)


def test_flagged_rows_alone_are_findings() -> None:
    new = NewFinding(json.loads(json.dumps(row())), "key")
    assert "picture" not in repr(new)
