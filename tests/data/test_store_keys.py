from __future__ import annotations

from datetime import timedelta

import pytest

from data.store import Store
from data.store.keys import NewKey
from detector.access import Role
from detector.errors import Conflict, NotFound, UsageError


def test_a_key_opens_with_the_text_that_was_shown_once(store: Store) -> None:
    key, token = store.keys.create(NewKey(Role.SCANNER, "shop import", client="Acme"))
    assert store.keys.authenticate(token) == key
    assert (key.principal.client, key.principal.role) == ("Acme", Role.SCANNER)
    secret = token.split("_", 2)[2]
    assert secret not in repr(store.keys.list())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1],
        lambda token: token + "x",
        lambda token: token.upper(),
        lambda token: "",
        lambda token: "lk__",
        lambda token: "lk_%_x",
        lambda token: token.replace("lk_", "xx_"),
        lambda token: token.rsplit("_", 1)[0],
        lambda token: "lk_\udcff_\udcff",
    ],
)
def test_any_other_text_opens_nothing(store: Store, spoil) -> None:  # type: ignore[no-untyped-def]
    _, token = store.keys.create(NewKey(Role.ADMIN, "console"))
    assert store.keys.authenticate(spoil(token)) is None


def test_a_revoked_and_an_expired_key_open_nothing(store: Store, clock) -> None:  # type: ignore[no-untyped-def]
    key, token = store.keys.create(NewKey(Role.ADMIN, "console"))
    assert store.keys.revoke(key.id).revoked_at is not None
    assert store.keys.authenticate(token) is None
    with pytest.raises(Conflict):
        store.keys.revoke(key.id)
    with pytest.raises(NotFound):
        store.keys.revoke("key_none")
    ends = clock() + timedelta(minutes=1)
    _, short = store.keys.create(NewKey(Role.ADMIN, "visitor", expires_at=ends))
    assert store.keys.authenticate(short) is not None
    clock.now = ends
    assert store.keys.authenticate(short) is None


@pytest.mark.parametrize(
    ("new", "word"),
    [
        (NewKey(Role.ADMIN, " "), "name"),
        (NewKey(Role.REGISTRAR, "a"), "agency"),
        (NewKey(Role.SCANNER, "a", client=" "), "client"),
    ],
)
def test_a_key_that_would_see_too_much_is_not_made(store: Store, new: NewKey, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        store.keys.create(new)
    assert store.keys.list() == []


def test_making_ending_and_refusing_are_on_the_audit_chain(store: Store) -> None:
    key, token = store.keys.create(NewKey(Role.ADMIN, "console"))
    store.keys.refused(key.id, "talent.erase", "scope")
    store.keys.revoke(key.id)
    events = store.audit.list(subject=key.id)
    assert [event.action for event in events] == ["key.created", "access.refused", "key.revoked"]
    assert store.audit.verify() == []
    assert token.split("_", 2)[2] not in repr(events)
