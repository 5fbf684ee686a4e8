"""What is encrypted with which key, for `lookalike vault status` and `doctor`."""

from __future__ import annotations

from collections.abc import Sequence

from data.store import Store

Row = tuple[str, str, int, int, int]
PLAIN = "none"


def key_rows(store: Store) -> list[Row]:
    """Per key its id, state (newest, older, missing; plain for what is not sealed), vectors, pictures and secrets
    of webhooks."""
    kinds = (store.sealing.vectors(), store.sealing.pictures(), store.sealing.secrets())
    here, newest = store.sealing.keys, store.sealing.newest
    used = [key for key in set().union(*kinds) if key is not None]
    rows = [
        _row(key, _state(key, here, newest), [kind.get(key, 0) for kind in kinds])
        for key in dict.fromkeys((*here, *sorted(used)))
    ]
    return [*rows, _row(PLAIN, "plain", [kind.get(None, 0) for kind in kinds])]


def _row(key: str, state: str, counts: Sequence[int]) -> Row:
    vectors, pictures, secrets = counts
    return key, state, vectors, pictures, secrets


def _state(key: str, here: Sequence[str], newest: str | None) -> str:
    if key == newest:
        return "newest"
    return "older" if key in here else "missing"


def encryption_problems(rows: list[Row]) -> list[str]:
    """What can't be read: its key is gone."""
    return [
        f"{vectors} vectors, {pictures} pictures and {secrets} secrets of webhooks are sealed with key {key}, which is "
        "not among the vault's keys"
        for key, state, vectors, pictures, secrets in rows
        if state == "missing"
    ]


def encryption_remarks(rows: list[Row]) -> list[str]:
    """What is not as safe as it could be."""
    states = {state for _, state, *_ in rows}
    if "newest" not in states:
        return [
            "templates, pictures and snapshots are not encrypted at rest: make a key with "
            "`lookalike vault new-key FILE` and set vault_key_file to it"
        ]
    left = [counts for _, state, *counts in rows if state in ("older", "plain")]
    vectors, pictures, secrets = (sum(kind) for kind in zip(*left, strict=True))
    if not vectors + pictures + secrets:
        return []
    return [
        f"{vectors} vectors, {pictures} pictures and {secrets} secrets of webhooks are not sealed with the newest key: "
        "`lookalike vault reseal`"
    ]
