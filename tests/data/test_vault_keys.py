"""Where keys come from: a file that may change, or one text; a mistake is named without showing what was written."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from data.vault import Keyring, Vault, key_id, key_of
from data.vault_keys import FileKeys, add_key, keys_from
from detector.errors import SettingsError, VaultError

KEYS = [bytes([number]) * 32 for number in range(3)]
IDS = [key_id(key) for key in KEYS]


def written(*keys: bytes) -> str:
    return "\n".join(base64.b64encode(key).decode() for key in keys)


def test_nothing_set_is_no_key() -> None:
    assert keys_from(None, None)().newest is None


def test_a_text_holds_keys_oldest_first() -> None:
    ring = keys_from(None, written(*KEYS).replace("\n", ", "))()
    assert (list(ring.ciphers), ring.newest) == (IDS, IDS[-1])


def test_two_places_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="both set"):
        keys_from(tmp_path / "keys", written(KEYS[0]))


def test_a_new_key_is_put_at_the_end_of_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret" / "vault.keys"
    ids = [add_key(path), add_key(path)]
    assert list(FileKeys(path)().ciphers) == ids
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith("#")
    assert [file.name for file in path.parent.iterdir()] == ["vault.keys"]


def test_a_key_of_the_file_is_in_use_as_soon_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "vault.keys"
    first = add_key(path)
    living, other = Vault(FileKeys(path)), Vault(FileKeys(path))
    before = living.seal(b"template", "x")
    second = add_key(path)
    after = other.seal(b"template", "x")
    assert (key_of(before), key_of(after)) == (first, second)
    assert living.unseal(after, "x") == other.unseal(before, "x") == b"template"


def test_a_file_that_is_gone_stops_sealing(tmp_path: Path) -> None:
    path = tmp_path / "vault.keys"
    add_key(path)
    living = Vault(FileKeys(path))
    kept = living.seal(b"template", "x")
    path.unlink()
    with pytest.raises(VaultError, match="can't be read") as raised:
        living.seal(b"template", "x")
    assert raised.value.code == "vault_keys_unusable"
    assert living.unseal(kept, "x") == b"template"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "holds no key"),
        ("# only a remark\n\n", "holds no key"),
        (written(KEYS[0]) + "\nsecretsecret", "line 2 of .* is no key"),
        (written(KEYS[0][:16]), "line 1 of .* is no key"),
        (written(KEYS[0], KEYS[1], KEYS[0]), "line 3 of .* repeats a key"),
        ("sécret", "no text"),
    ],
)
def test_a_mistake_is_named_and_not_shown(text: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "vault.keys"
    path.write_text(text, "utf-8")
    with pytest.raises(VaultError, match=fault) as raised:
        FileKeys(path)()
    assert raised.value.code == "vault_keys_unusable"
    assert "cret" not in str(raised.value).replace(str(tmp_path), "")


def test_no_key_is_added_to_a_file_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my shopping list")
    with pytest.raises(VaultError, match=r"line 1 .* is no key"):
        add_key(path)
    assert path.read_text() == "my shopping list"


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    for call in (FileKeys(tmp_path), lambda: add_key(tmp_path)):
        with pytest.raises(VaultError, match="directory"):
            call()


def test_a_ring_shows_no_key() -> None:
    ring = keys_from(None, written(KEYS[1]))()
    assert repr(ring) == repr(Keyring())
