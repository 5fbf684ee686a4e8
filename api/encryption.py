"""What is encrypted with which key, for `lookalike vault status` and `doctor`."""

from __future__ import annotations

from collections.abc import Sequence

from data.store import Store

Row = tuple[str, str, int, int]
PLAIN = "none"


def key_rows(store: Store) -> list[Row]:
    """Per key its id, state (newest, older, missing; plain for what is not sealed), vectors and pictures."""
    vectors, pictures = store.sealing.vectors(), store.sealing.pictures()
    here, newest = store.sealing.keys, store.sealing.newest
    used = [key for key in {*vectors, *pictures} if key is not None]
    rows = [
        (key, _state(key, here, newest), vectors.get(key, 0), pictures.get(key, 0))
        for key in dict.fromkeys((*here, *sorted(used)))
    ]
    return [*rows, (PLAIN, "plain", vectors.get(None, 0), pictures.get(None, 0))]


def _state(key: str, here: Sequence[str], newest: str | None) -> str:
    if key == newest:
        return "newest"
    return "older" if key in here else "missing"


def encryption_problems(rows: list[Row]) -> list[str]:
    """What can't be read: its key is gone."""
    return [
        f"{vectors} vectors and {pictures} pictures are sealed with key {key}, which is not among the vault's keys"
        for key, state, vectors, pictures in rows
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
    left = [(vectors, pictures) for _, state, vectors, pictures in rows if state in ("older", "plain")]
    if not any(vectors or pictures for vectors, pictures in left):
        return []
    return [
        f"{sum(v for v, _ in left)} vectors and {sum(p for _, p in left)} pictures are not sealed with the newest key: "
        "`lookalike vault reseal`"
    ]
