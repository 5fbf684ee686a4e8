"""Sealing: what a key sealed only that key opens, as what it was sealed; keys may be replaced at any time."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.blobs import Blobs
from data.vault import HEADER_BYTES, MAGIC, Keyring, Vault, key_id, key_of, ring_of
from detector.errors import StoreError, VaultError

OLD, NEW = b"o" * 32, b"n" * 32


def vault(*keys: bytes) -> Vault:
    return Vault(lambda: ring_of(keys))


@given(plain=st.binary(max_size=200), context=st.text(max_size=20))
def test_what_was_sealed_comes_back_and_shows_nothing(plain: bytes, context: str) -> None:
    one = vault(OLD)
    kept = one.seal(plain, context)
    assert one.unseal(kept, context) == plain
    assert len(plain) < 16 or plain not in kept
    assert (key_of(kept), key_of(kept[:HEADER_BYTES])) == (key_id(OLD), key_id(OLD))
    assert kept != one.seal(plain, context)


@given(plain=st.binary(max_size=50) | st.binary(max_size=50).map(MAGIC.__add__))
def test_without_a_key_all_bytes_come_back_even_such_as_look_sealed(plain: bytes) -> None:
    kept = Vault().seal(plain, "x")
    assert key_of(kept) is None
    assert Vault().unseal(kept, "x") == vault(OLD).unseal(kept, "x") == plain
    assert kept == plain or plain.startswith(MAGIC)


@pytest.mark.parametrize("at", [12, 23, 24, 40, -1])
def test_one_changed_bit_is_an_error(at: int) -> None:
    kept = bytearray(vault(OLD).seal(b"seventeen letters", "x"))
    kept[at] ^= 1
    with pytest.raises(VaultError, match="altered") as raised:
        vault(OLD).unseal(bytes(kept), "x")
    assert raised.value.code == "vault_damaged"


@pytest.mark.parametrize("length", [12, 20, 24, 30])
def test_bytes_cut_short_are_an_error(length: int) -> None:
    with pytest.raises(VaultError, match="altered"):
        vault(OLD).unseal(vault(OLD).seal(b"seventeen letters", "x")[:length], "x")


def test_what_was_sealed_as_one_thing_does_not_open_as_another() -> None:
    with pytest.raises(VaultError, match="reference b can't be unsealed"):
        vault(OLD).unseal(vault(OLD).seal(b"template", "reference a"), "reference b")


def test_without_its_key_the_error_names_key_and_settings_and_nothing_else() -> None:
    kept = vault(OLD).seal(b"template", "x")
    for other in (Vault(), vault(NEW)):
        with pytest.raises(VaultError, match=f"key {key_id(OLD)}.*vault_key_file") as raised:
            other.unseal(kept, "x")
        assert raised.value.code == "vault_key_missing"
    assert "template" not in str(raised.value)


def test_the_newest_key_seals_and_all_open() -> None:
    before, both = vault(OLD).seal(b"template", "x"), vault(OLD, NEW)
    assert both.unseal(before, "x") == b"template"
    assert not both.is_current(before)
    after = both.seal(b"template", "x")
    assert key_of(after) == key_id(NEW)
    assert both.is_current(after)
    assert vault(NEW).unseal(after, "x") == b"template"


def test_a_key_that_came_meanwhile_is_found() -> None:
    keys = [OLD]
    living = Vault(lambda: ring_of(keys))
    keys.append(NEW)
    assert living.unseal(vault(NEW).seal(b"by another process", "x"), "x") == b"by another process"
    assert key_of(living.seal(b"own", "x")) == key_id(NEW)


def test_a_ring_and_a_vault_print_no_key() -> None:
    assert OLD.decode() not in repr(ring_of([OLD])) + repr(vault(OLD))
    assert Keyring().newest is None
    with pytest.raises(ValueError, match="bit"):
        ring_of([b"short"])


def test_pictures_are_sealed_under_the_hash_of_their_plain_bytes(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path, vault(OLD))
    with blobs.stage(b"bytes of a picture") as staged:
        staged.keep()
    assert staged.sha256 == hashlib.sha256(b"bytes of a picture").hexdigest()
    assert staged.size == len(b"bytes of a picture")
    assert b"picture" not in blobs.path(staged.sha256).read_bytes()
    assert blobs.read(staged.sha256) == b"bytes of a picture"
    with pytest.raises(VaultError):
        Blobs(tmp_path).read(staged.sha256)


def test_a_picture_is_sealed_anew_under_the_newest_key(tmp_path: Path) -> None:
    plain = Blobs(tmp_path)
    with plain.stage(b"kept before there was a key") as staged:
        staged.keep()
    name = staged.sha256
    assert plain.key_of(name) is None
    for keys in ((OLD,), (OLD, NEW)):
        Blobs(tmp_path, vault(*keys)).reseal(name)
        assert plain.key_of(name) == key_id(keys[-1])
    assert Blobs(tmp_path, vault(NEW)).read(name) == b"kept before there was a key"
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == [name]


def test_one_sealed_picture_in_the_place_of_another_is_found(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path, vault(OLD))
    names = []
    for content in (b"one", b"two"):
        with blobs.stage(content) as staged:
            staged.keep()
        names.append(staged.sha256)
    blobs.path(names[0]).write_bytes(blobs.path(names[1]).read_bytes())
    with pytest.raises(StoreError, match=f"picture {names[0]} can't be unsealed"):
        blobs.read(names[0])
