"""After an erasure nothing of the person lies on the disk: every byte of every file of the state directory is looked at,
SQLite's free pages, its log, the index snapshot and both folders of pictures among them."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable

import pytest

from api.composition import Application
from data.store.findings import NewFinding
from data.store.keys import NewKey
from data.store.queue import FindingFilter
from detector.access import Role
from tests.api.colours import RED, Installation, drawn
from tests.api.privacy.looking import State
from tests.flagged import face, row

Enrol = Callable[[str, str], str]


def windows(data: bytes, size: int = 24) -> list[bytes]:
    """Pieces from all over the data: a remnant of a file or a vector is found by them."""
    step = max(size, len(data) // 40)
    return [data[at : at + size] for at in range(0, len(data) - size, step)]


def traces_of(application: Application, talent: str) -> list[bytes]:
    """What must be nowhere: pieces of every vector and picture, the pictures' hashes, and the names."""
    store = application.store
    pictures = [store.references.picture(one.id) for one in store.references.list(talent)]
    pictures += [
        store.findings.picture(one.id) for one in store.queue.page(FindingFilter()) if talent in one.talents
    ]
    vectors = [
        vector.tobytes()
        for one in store.references.list(talent)
        for vector in store.references.vectors(one.id).values()
        if vector.any() and len(set(vector.tobytes())) > 8
    ]
    found = store.talents.get(talent)
    hashes = [hashlib.sha256(picture).hexdigest().encode() for picture in pictures]
    pieces = [piece for data in (*vectors, *pictures) for piece in windows(data)]
    return [*pieces, *hashes, found.name.encode(), found.ref.encode()]


def unlike(traces: list[bytes], others: list[bytes]) -> list[bytes]:
    """Without what another person's things hold too, such as the head of a PNG."""
    whole = b"\0".join(others)
    return [trace for trace in traces if trace not in whole]


@pytest.mark.parametrize("sealed", [False, True])
def test_no_byte_of_an_erased_person_is_left(
    here: Installation, state: State, enrolled: Enrol, sealed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sealed:
        monkeypatch.setenv("LOOKALIKE_VAULT_KEY_FILE", str(here.folder / "vault.keys"))
        here.run("vault", "new-key")
    ada, bea = enrolled("AG-ada", "red"), enrolled("AG-bea", "blue")
    with Application(here.configured, here.parts) as application:
        evidence(application, ada, bea)
        application.detector()
        theirs = traces_of(application, bea)
        traces = unlike(traces_of(application, ada), theirs)
        before = set(state.where(*traces))
        assert b"Name of AG-ada" in before
        assert sealed or len(before) == len(traces) > 60, "each of them must be there to be missed"
        here.run("talent", "erase", "AG-ada", "--yes")
        assert state.where(*traces) == {}
        application.registry.refresh()
        assert state.where(*traces) == {}
        assert application.store.audit.verify() == []
        assert application.store.references.list(bea)
    here.run("check", here.picture("probe.png", RED, seed=77), code=0)
    assert state.where(*traces) == {}
    assert sealed or set(state.where(*theirs)) == set(theirs), "who stays loses nothing"


def evidence(application: Application, *talents: str) -> None:
    """A flagged picture of each, kept; one of the first is replaced by a second picture."""
    key, _ = application.store.keys.create(NewKey(Role.ADMIN, "tests"))
    for number, talent in enumerate(talents):
        picture = drawn(RED, seed=1000 + number, size=96)
        application.store.findings.add(
            NewFinding(row(face(talent), picture=picture), key.id, "Acme", None, picture)
        )


def test_the_look_finds_what_sqlite_leaves_without_its_settings(here: Installation, state: State) -> None:
    """Deleted rows do lie in free pages where nobody cares: else the test above would show nothing."""
    path = here.folder / "state" / "careless.sqlite3"
    path.parent.mkdir(exist_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("CREATE TABLE t (x BLOB)")
        connection.execute("INSERT INTO t VALUES (?)", (b"a template of a face" * 300,))
        connection.commit()
        connection.execute("DELETE FROM t")
        connection.commit()
    connection.close()
    assert state.where(b"a template of a face" * 3)
