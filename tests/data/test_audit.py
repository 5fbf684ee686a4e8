from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from data.audit import AuditFault
from data.store import NewReference, Store
from data.store.chain import GENESIS, canonical
from data.store.database import Database
from detector.errors import NotFound
from detector.signals import SignalId, SignalKind

FACE = SignalId(SignalKind.FACE, "sface", "1", "112")

Tamper = Callable[[str], None]
Clock = Callable[[], datetime]


@pytest.fixture
def busy(store: Store, new_reference: Callable[..., NewReference]) -> Store:
    """A store with five events: two talents, two references, one of them removed."""
    ada, bea = store.talents.add("a", "Ada Secretname"), store.talents.add("b", "Bea")
    removed = store.references.add(ada.id, new_reference(b"one"))
    store.references.add(bea.id, new_reference(b"two"))
    store.references.remove(removed.id)
    return store


@pytest.fixture
def tamper(store_url: str, clock: Clock) -> Tamper:
    def run(statements: str) -> None:
        database = Database(store_url, clock)
        with database.locked() as connection:
            for statement in statements.split(";"):
                connection.execute(text(statement))
        database.close()

    return run


def numbers(faults: Sequence[AuditFault]) -> list[int]:
    return [fault.number for fault in faults]


def test_every_change_has_its_event(busy: Store) -> None:
    events = busy.audit.list()
    assert [(event.number, event.action) for event in events] == [
        (1, "talent.added"),
        (2, "talent.added"),
        (3, "reference.added"),
        (4, "reference.added"),
        (5, "reference.removed"),
    ]
    assert events[0].previous == GENESIS
    assert [event.previous for event in events[1:]] == [event.hash for event in events[:-1]]
    assert busy.audit.head() == (5, events[-1].hash)
    assert busy.audit.verify() == []
    assert [event.number for event in busy.audit.list(subject=events[2].subject)] == [3, 5]
    assert [event.number for event in busy.audit.list(after=2, limit=2)] == [3, 4]


def test_the_chain_of_an_empty_store_is_whole(store: Store) -> None:
    assert store.audit.head() == (0, GENESIS)
    assert store.audit.verify() == []


def test_no_name_and_no_picture_is_in_the_chain(busy: Store) -> None:
    written = repr(busy.audit.list())
    assert "Secretname" not in written
    assert "jpg" not in written


@pytest.mark.parametrize(
    "column",
    [
        "at = '2026-03-01 12:00:00.000001'",
        "action = 'talent.updated'",
        "subject = 'tal_other'",
        "details = '{}'",
        "details = 'no json'",
        "previous = hash",
        "hash = previous",
    ],
)
@pytest.mark.parametrize("number", [1, 3, 5])
def test_an_altered_event_is_found(busy: Store, tamper: Tamper, column: str, number: int) -> None:
    tamper(f"UPDATE audit_event SET {column} WHERE number = {number}")  # noqa: S608 - the tampering
    assert numbers(busy.audit.verify())[0] == number


def test_an_event_altered_with_its_hash_is_found_by_its_successor(busy: Store, tamper: Tamper) -> None:
    forged = busy.audit.list()[1]
    object.__setattr__(forged, "subject", "tal_forged")
    forgery = f"subject = 'tal_forged', hash = '{forged.computed_hash()}'"
    tamper(f"UPDATE audit_event SET {forgery} WHERE number = 2")  # noqa: S608 - the tampering
    assert numbers(busy.audit.verify()) == [3]


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_removed_event_is_found(busy: Store, tamper: Tamper, number: int) -> None:
    tamper(f"DELETE FROM audit_event WHERE number = {number}")  # noqa: S608 - the tampering
    assert busy.audit.verify() == [AuditFault(number, f"events {number} to {number} are missing")]


def test_a_cut_tail_is_found(busy: Store, tamper: Tamper) -> None:
    tamper("DELETE FROM audit_event WHERE number >= 4")
    assert busy.audit.verify() == [AuditFault(3, "is the last event, but event 5 was written last")]


def test_a_removed_event_whose_gap_was_closed_is_found(busy: Store, tamper: Tamper) -> None:
    tamper(
        "DELETE FROM audit_event WHERE number = 2;UPDATE audit_event SET number = number - 1 WHERE number > 2"
    )
    assert numbers(busy.audit.verify())[0] == 2


def test_reordered_events_are_found(busy: Store, tamper: Tamper) -> None:
    tamper(
        "UPDATE audit_event SET number = 99 WHERE number = 2;"
        "UPDATE audit_event SET number = 2 WHERE number = 3;"
        "UPDATE audit_event SET number = 3 WHERE number = 99"
    )
    assert numbers(busy.audit.verify())[0] == 2


def test_an_event_put_in_at_the_end_is_found(busy: Store, tamper: Tamper) -> None:
    tamper(
        "INSERT INTO audit_event SELECT 6, at, action, subject, details, hash, hash FROM audit_event WHERE number = 5"
    )
    assert numbers(busy.audit.verify()) == [6, 6]


def test_what_fails_leaves_no_event(busy: Store) -> None:
    before = busy.audit.head()
    with pytest.raises(NotFound):
        busy.references.remove("ref_x")
    assert busy.audit.head() == before


def test_an_error_inside_a_change_undoes_all_of_it(store: Store, store_url: str, clock: Clock) -> None:
    database = Database(store_url, clock)

    def interrupted() -> None:
        with database.change("reference.added", "ref_1") as change:
            change.log("put", "ref_1", "tal_1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    database.close()
    assert (store.changes.head(), store.audit.head()[0], store.changes.since(0, FACE, 9)) == (0, 0, [])


KEYS = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.booleans() | st.none())


@given(details=KEYS)
def test_equal_details_have_one_spelling(details: dict[str, object]) -> None:
    backwards = dict(reversed(details.items()))
    assert canonical(details) == canonical(backwards)
    assert canonical(details).isascii()
