"""A store with a vault: nothing of a face or a picture lies on the disk in plain, and keys are replaced while it is in
use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from data.store import NewReference, Store
from data.store.keys import NewKey
from data.store.sealing import PICTURE, SECRET, VECTOR, Resealed
from data.vault import Vault, key_id, ring_of
from detector.access import Role
from detector.errors import UsageError, VaultError
from detector.events import EventType
from detector.signals import SignalId, SignalKind

FACE = SignalId(SignalKind.FACE, "sface", "1", "112")
HASH = SignalId(SignalKind.HASH, "phash", "1", "64")
OLD, NEW = b"o" * 32, b"n" * 32
PICTURE_BYTES = b"bytes of a picture that nobody else may see"
VECTOR_VALUES = np.arange(1, 129, dtype=np.float32) / 300

Make = Callable[..., NewReference]


@pytest.fixture
def keys() -> list[bytes]:
    return [OLD]


@pytest.fixture
def sealed(store_url: str, clock: object, keys: list[bytes]) -> Iterator[Store]:
    with opened(store_url, clock, keys) as store:
        yield store


def opened(url: str, clock: object, keys: list[bytes]) -> Store:
    return Store.open(url, clock=clock, vault=Vault(lambda: ring_of(keys)))  # type: ignore[arg-type]


def enrolled(store: Store, new_reference: Make, ref: str = "a") -> str:
    new = replace(
        new_reference(PICTURE_BYTES + ref.encode()),
        source="a.jpg",
        signals={FACE: VECTOR_VALUES, HASH: np.arange(8, dtype=np.uint8)},
    )
    return store.references.add(store.talents.add(ref, "Ada").id, new).id


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_neither_vector_nor_picture_is_on_the_disk_in_plain(
    sealed: Store, new_reference: Make, tmp_path: Path
) -> None:
    reference_id = enrolled(sealed, new_reference)
    everything = on_disk(tmp_path)
    assert PICTURE_BYTES not in everything
    assert VECTOR_VALUES.tobytes()[:64] not in everything
    assert reference_id.encode() in everything
    np.testing.assert_array_equal(sealed.references.vectors(reference_id)[FACE], VECTOR_VALUES)
    np.testing.assert_array_equal(
        sealed.references.vectors_of([reference_id], FACE)[reference_id], VECTOR_VALUES
    )
    np.testing.assert_array_equal(sealed.changes.since(0, FACE, 9)[0].vector, VECTOR_VALUES)
    assert sealed.references.picture(reference_id) == PICTURE_BYTES + b"a"


def test_without_the_key_nothing_is_read_and_the_error_says_which(
    sealed: Store, new_reference: Make, store_url: str, clock: object
) -> None:
    reference_id = enrolled(sealed, new_reference)
    with Store.open(store_url, clock=clock) as keyless:  # type: ignore[arg-type]
        reads: list[Callable[[], object]] = [
            lambda: keyless.references.vectors(reference_id),
            lambda: keyless.references.vectors_of([reference_id], FACE),
            lambda: keyless.changes.since(0, FACE, 9),
            lambda: keyless.references.picture(reference_id),
        ]
        for read in reads:
            with pytest.raises(VaultError, match=key_id(OLD)):
                read()


def test_the_template_of_another_person_put_in_its_place_is_found(sealed: Store, new_reference: Make) -> None:
    ada, bea = enrolled(sealed, new_reference), enrolled(sealed, new_reference, "b")
    with sealed._database.locked() as connection:
        connection.execute(
            text(
                "UPDATE reference_signal SET vector = (SELECT vector FROM reference_signal s WHERE s.reference_id = :bea"
                " AND s.signal_key = reference_signal.signal_key) WHERE reference_id = :ada"
            ),
            {"ada": ada, "bea": bea},
        )
    with pytest.raises(VaultError, match=f"reference {ada} .* altered"):
        sealed.references.vectors(ada)
    assert sealed.references.vectors(bea)


def test_a_new_key_is_used_at_once_and_the_rest_is_sealed_anew(
    sealed: Store, new_reference: Make, keys: list[bytes], store_url: str, clock: object
) -> None:
    before = enrolled(sealed, new_reference)
    keys.append(NEW)
    after = enrolled(sealed, new_reference, "b")
    assert sealed.sealing.vectors() == {key_id(OLD): 2, key_id(NEW): 2}
    assert sealed.sealing.pictures() == {key_id(OLD): 1, key_id(NEW): 1}
    answers = list(sealed.sealing.reseal())
    assert sorted(one.kind for one in answers) == [PICTURE, VECTOR, VECTOR]
    assert {one.fault for one in answers} == {None}
    assert sealed.sealing.vectors() == {key_id(NEW): 4}
    assert sealed.sealing.pictures() == {key_id(NEW): 2}
    assert sealed.audit.list()[-1].action == "vault.resealed"
    assert dict(sealed.audit.list()[-1].details) == {"key": key_id(NEW), "vectors": 2, "pictures": 1}
    with opened(store_url, clock, [NEW]) as later:
        for reference_id in (before, after):
            np.testing.assert_array_equal(later.references.vectors(reference_id)[FACE], VECTOR_VALUES)
            assert later.references.picture(reference_id)
        assert list(later.sealing.reseal()) == []
        assert later.audit.head() == sealed.audit.head()


def test_what_was_kept_in_plain_is_sealed_and_gone_in_plain(
    store: Store, new_reference: Make, store_url: str, clock: object, tmp_path: Path
) -> None:
    enrolled(store, new_reference)
    store.close()
    assert PICTURE_BYTES in on_disk(tmp_path)
    assert VECTOR_VALUES.tobytes() in on_disk(tmp_path)
    with opened(store_url, clock, [OLD]) as sealed:
        assert sealed.sealing.vectors() == {None: 2}
        assert len(list(sealed.sealing.reseal())) == 3
        everything = on_disk(tmp_path)
        assert PICTURE_BYTES not in everything
        assert VECTOR_VALUES.tobytes()[:64] not in everything


def test_a_stopped_run_goes_on_and_what_cannot_be_opened_is_told_and_left(
    sealed: Store, new_reference: Make, keys: list[bytes]
) -> None:
    ids = sorted(enrolled(sealed, new_reference, ref) for ref in "abc")
    keys.append(NEW)
    run = sealed.sealing.reseal()
    next(run)
    run.close()
    assert sealed.audit.list()[-1].action == "vault.resealed"
    with sealed._database.locked() as connection:
        connection.execute(
            text(
                "UPDATE reference_signal SET vector = substr(vector, 1, 30), vault_key = 'x' WHERE reference_id = :id"
            ),
            {"id": ids[2]},
        )
    answers = list(sealed.sealing.reseal())
    assert [one for one in answers if one.fault] == [
        Resealed(VECTOR, ids[2], one.fault) for one in answers if one.fault
    ]
    assert len([one for one in answers if one.fault]) == 2
    assert sealed.sealing.pictures() == {key_id(NEW): 3}
    assert sealed.references.vectors(ids[0])


def test_there_must_be_a_key_to_seal_with(store: Store) -> None:
    assert (store.sealing.newest, store.sealing.keys) == (None, [])
    with pytest.raises(UsageError, match="vault new-key"):
        list(store.sealing.reseal())


def test_secrets_of_webhooks_are_sealed_anew_too(sealed: Store, keys: list[bytes]) -> None:
    who = sealed.keys.create(NewKey(Role.MONITOR, "system"))[0].principal
    hook, first = sealed.webhooks.create(who, "https://receiver.example", [EventType.FINDING_CREATED])
    _, second = sealed.webhooks.rotate(hook.id, who)
    assert sealed.sealing.secrets() == {key_id(OLD): 2}
    keys.append(NEW)
    assert list(sealed.sealing.reseal()) == [Resealed(SECRET, hook.id)] * 2
    assert list(sealed.sealing.reseal()) == []
    keys.remove(OLD)
    assert sealed.sealing.secrets() == {key_id(NEW): 2}
    assert sealed.webhooks.secrets_of(hook.id, sealed.now()) == [second, first]
    sealed.webhooks.delete(hook.id, who)
    assert sealed.sealing.secrets() == {}


def test_a_secret_whose_key_is_gone_is_told_and_left(sealed: Store, keys: list[bytes]) -> None:
    who = sealed.keys.create(NewKey(Role.MONITOR, "system"))[0].principal
    hook, _ = sealed.webhooks.create(who, "https://receiver.example", [EventType.FINDING_CREATED])
    keys[:] = [NEW]
    [told] = sealed.sealing.reseal()
    assert (told.kind, told.subject, key_id(OLD) in (told.fault or "")) == (SECRET, hook.id, True)
    with pytest.raises(VaultError):
        sealed.webhooks.secrets_of(hook.id, sealed.now())
