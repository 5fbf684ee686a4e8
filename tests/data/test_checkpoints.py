"""Signed checkpoints: a chain that was cut, or made anew from its first event, is whole in itself and still found out.
The tampering is done to the database file, with the standard library alone."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from data.checkpoints import Checkpoint, public_of, read_checkpoint, read_key, write_new_key
from data.store import Store
from data.store.chain import GENESIS, AuditEvent
from detector.errors import Conflict, UsageError

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


@pytest.fixture
def busy(store: Store) -> Store:
    for number in range(4):
        store.talents.add(f"AG-{number}", "Ada")
    return store


@pytest.fixture
def database(store_url: str) -> Path:
    return Path(store_url.removeprefix("sqlite:///"))


def cut(database: Path, last: int) -> None:
    """Cut the chain off behind an event and make the ledger agree, as who has the file can."""
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM audit_event WHERE number > ?", (last,))
        row = connection.execute("SELECT hash FROM audit_event WHERE number = ?", (last,)).fetchone()
        connection.execute("UPDATE ledger SET last_event = ?, last_hash = ?", (last, row[0]))
    connection.close()


def rewrite(store: Store, database: Path, number: int) -> None:
    """Change one event's subject and hash everything from there on anew."""
    previous, events = GENESIS, store.audit.list()
    with sqlite3.connect(database) as connection:
        for event in events:
            subject = "tal_forged" if event.number == number else event.subject
            forged = AuditEvent(event.number, event.at, event.action, subject, event.details, previous, "")
            previous_before, previous = previous, forged.computed_hash()
            connection.execute(
                "UPDATE audit_event SET subject = ?, previous = ?, hash = ? WHERE number = ?",
                (subject, previous_before, previous, event.number),
            )
        connection.execute("UPDATE ledger SET last_hash = ?", (previous,))
    connection.close()


def test_a_chain_that_leads_to_its_checkpoints_is_whole(busy: Store) -> None:
    first = busy.audit.checkpoint(KEY)
    busy.talents.add("later", "Bea")
    second = busy.audit.checkpoint(KEY)
    assert (first.number, second.number) == (4, 6)
    assert busy.audit.verify([first, second]) == []


def test_a_cut_chain_is_whole_in_itself_and_found_by_a_checkpoint(busy: Store, database: Path) -> None:
    signed = busy.audit.checkpoint(KEY)
    cut(database, 3)
    assert busy.audit.verify() == []
    [fault] = busy.audit.verify([signed])
    assert (fault.number, "was cut" in fault.detail) == (4, True)


def test_a_chain_cut_and_filled_up_again_is_found(busy: Store, database: Path) -> None:
    signed = busy.audit.checkpoint(KEY)
    cut(database, 3)
    busy.talents.add("in its place", "Eve")
    assert busy.audit.verify() == []
    [fault] = busy.audit.verify([signed])
    assert (fault.number, "made anew" in fault.detail) == (4, True)


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_chain_hashed_anew_is_found(busy: Store, database: Path, number: int) -> None:
    signed = busy.audit.checkpoint(KEY)
    rewrite(busy, database, number)
    assert busy.audit.verify() == []
    assert [fault.number for fault in busy.audit.verify([signed])] == [4]


def test_there_is_nothing_to_sign_in_an_empty_chain(store: Store) -> None:
    with pytest.raises(Conflict, match="no event yet"):
        store.audit.checkpoint(KEY)
    assert store.audit.head() == (0, GENESIS)


def written(folder: Path, content: object) -> Path:
    path = folder / "checkpoint.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_checkpoint_comes_back_from_its_file(busy: Store, tmp_path: Path) -> None:
    signed = busy.audit.checkpoint(KEY)
    assert read_checkpoint(written(tmp_path, signed.as_json()), public_of(KEY)) == signed


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"format": "other"}', "\x00"])
def test_what_is_no_checkpoint_is_refused(content: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"checkpoint\.json"):
        read_checkpoint(written(tmp_path, content), public_of(KEY))


def test_one_signed_by_somebody_else_is_refused_even_if_it_names_the_trusted_key(
    busy: Store, tmp_path: Path
) -> None:
    other = Ed25519PrivateKey.generate()
    theirs = busy.audit.checkpoint(other)
    with pytest.raises(UsageError, match="not with the trusted one"):
        read_checkpoint(written(tmp_path, theirs.as_json()), public_of(KEY))
    claimed = theirs.as_json() | {"public_key": public_of(KEY)}
    with pytest.raises(UsageError, match="signature doesn't fit"):
        read_checkpoint(written(tmp_path, claimed), public_of(KEY))


@given(number=st.integers(0, 10**9), event_hash=st.text("0123456789abcdef", min_size=64, max_size=64))
def test_equal_checkpoints_say_the_same_and_others_do_not(number: int, event_hash: str) -> None:
    one, other = (Checkpoint(n, event_hash, "2026-01-01", "00") for n in (number, number + 1))
    assert one.message == Checkpoint(number, event_hash, "2026-01-01", "00").message != other.message


def test_a_new_key_is_its_owners_alone_and_replaces_none(tmp_path: Path) -> None:
    path = tmp_path / "secret" / "audit.pem"
    public = write_new_key(path)
    assert public_of(read_key(path)) == public
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(UsageError, match="File exists"):
        write_new_key(path)


@pytest.mark.parametrize(
    "content", [b"", b"no pem", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"]
)
def test_what_is_no_key_is_told_without_showing_it(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_bytes(content)
    with pytest.raises(UsageError, match="no PEM file"):
        read_key(tmp_path / "k.pem")
    with pytest.raises(UsageError, match="can't be read"):
        read_key(tmp_path / "absent.pem")
