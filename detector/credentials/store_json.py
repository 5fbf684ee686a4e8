"""From the JSON that the C2PA library makes of a manifest store to a `Manifest`. Pure, and forgiving: whatever a
stranger's manifest leaves out or writes otherwise is absent here.

The library's own verdict stands: `validation_state` Invalid is INVALID, anything else holds. A signer that is not on
the trust list is no failed check, it is a signer that is not trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from detector.credentials.claims import (
    Action,
    FailedCheck,
    Ingredient,
    Manifest,
    ManifestState,
    Signer,
    TrainingTerm,
)
from detector.origin import bare_term

Json = Mapping[str, Any]
Resource = Callable[[str], bytes | None]
"""The bytes that a manifest holds under an identifier; None where there are none."""

TRAINING = ("c2pa.training-mining", "cawg.training-mining")
ACTIONS = "c2pa.actions"

LONGEST = 500
"""Characters kept of any text: a manifest may hold megabytes of it."""

MANY = 50
"""Actions, ingredients, training terms and failed checks kept of one manifest."""

PICTURES = 4
"""Ingredients of one manifest whose pictures are looked at."""


@dataclass(frozen=True, slots=True)
class _Store:
    """The manifest store, and how to get at what it holds."""

    manifests: Json
    failures: Mapping[str, tuple[FailedCheck, ...]]
    resource: Resource


@dataclass(frozen=True, slots=True)
class _Entry:
    """An ingredient as a manifest lists it; `manifest` is that manifest's label."""

    json: Json
    manifest: str


def manifest_of(store: Json, resource: Resource, *, trust: bool) -> Manifest:
    """The active manifest. `trust` False: no trust list is configured, so nobody is trusted."""
    manifests = _mapping(store.get("manifests"))
    label = _text(store.get("active_manifest")) or ""
    active = _mapping(manifests.get(label))
    results = _mapping(store.get("validation_results"))
    by_ingredient = dict(_ingredient_failures(results))
    state = store.get("validation_state")
    own = _failures(_mapping(results.get("activeManifest")))
    inherited = (check for checks in by_ingredient.values() for check in checks)
    return Manifest(
        state=ManifestState.INVALID if state == "Invalid" else ManifestState.VALID,
        signer=_signer(active, trusted=trust and state == "Trusted"),
        generator=_generator(active),
        title=_text(active.get("title")),
        actions=_actions(active),
        ingredients=_ingredients(label, _Store(manifests, by_ingredient, resource)),
        training=tuple(islice(_training(active), MANY)),
        failures=tuple(islice((*own, *inherited), MANY)) if state == "Invalid" else (),
    )


# Validation


def _failures(results: Json) -> tuple[FailedCheck, ...]:
    found = (_check(each) for each in _mappings(results.get("failure")))
    return tuple(islice((check for check in found if not check.code.endswith("untrusted")), MANY))


def _check(entry: Json) -> FailedCheck:
    code = _text(entry.get("code")) or "unknown"
    return FailedCheck(code, _text(entry.get("explanation")) or code)


def _ingredient_failures(results: Json) -> Iterator[tuple[str, tuple[FailedCheck, ...]]]:
    """By the address of the ingredient's assertion."""
    for delta in _mappings(results.get("ingredientDeltas")):
        failures = _failures(_mapping(delta.get("validationDeltas")))
        if failures:
            yield _text(delta.get("ingredientAssertionURI")) or "", failures


def _signer(manifest: Json, *, trusted: bool) -> Signer | None:
    info = _mapping(manifest.get("signature_info"))
    if not info:
        return None
    return Signer(
        name=_text(info.get("common_name")),
        organisation=_text(info.get("issuer")),
        serial=_text(info.get("cert_serial_number")),
        signed_at=_moment(info.get("time")),
        trusted=trusted,
    )


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# What the manifest says


def _generator(manifest: Json) -> str | None:
    infos = [_tool(info) for info in _mappings(manifest.get("claim_generator_info"))]
    return next((tool for tool in infos if tool), _text(manifest.get("claim_generator")))


def _tool(agent: object) -> str | None:
    """A tool by name and version, in either of the ways that manifests write it."""
    if not isinstance(agent, Mapping):
        return _text(agent)
    parts = (_text(agent.get("name")), _text(agent.get("version")))
    return " ".join(part for part in parts if part) or None


def _assertions(manifest: Json) -> Iterator[tuple[str, Json]]:
    for assertion in _mappings(manifest.get("assertions")):
        yield _text(assertion.get("label")) or "", _mapping(assertion.get("data"))


def _actions(manifest: Json) -> tuple[Action, ...]:
    found = (
        action
        for label, data in _assertions(manifest)
        if label.startswith(ACTIONS)
        for action in _mappings(data.get("actions"))
    )
    return tuple(_action(action) for action in islice(found, MANY))


def _action(action: Json) -> Action:
    term = _text(action.get("digitalSourceType"))
    return Action(
        name=_text(action.get("action")) or "unknown",
        digital_source_type=bare_term(term) if term else None,
        tool=_tool(action.get("softwareAgent")),
        when=_text(action.get("when")),
    )


def _training(manifest: Json) -> Iterator[TrainingTerm]:
    for label, data in _assertions(manifest):
        if label.startswith(TRAINING):
            for purpose, entry in _mapping(data.get("entries")).items():
                terms = _mapping(entry)
                use, detail = _text(terms.get("use")), _text(terms.get("constraint_info"))
                yield TrainingTerm(str(purpose)[:LONGEST].partition(".")[2], use or "unknown", detail)


def _ingredients(label: str, store: _Store) -> tuple[Ingredient, ...]:
    """What a manifest lists, then what the manifests of those list, and so on; each manifest is opened once."""
    found: list[Ingredient] = []
    opened = {label}
    waiting: list[tuple[_Entry, int | None]] = [(entry, None) for entry in _listed(label, store)]
    while waiting and len(found) < MANY:
        entry, within = waiting.pop(0)
        pictures = sum(ingredient.picture is not None for ingredient in found)
        found.append(_ingredient(entry, within, store, with_picture=pictures < PICTURES))
        own = _text(entry.json.get("active_manifest"))
        if own and own not in opened:
            opened.add(own)
            waiting += [(deeper, len(found) - 1) for deeper in _listed(own, store)]
    return tuple(found)


def _listed(label: str, store: _Store) -> list[_Entry]:
    listed = islice(_mappings(_mapping(store.manifests.get(label)).get("ingredients")), MANY)
    return [_Entry(entry, label) for entry in listed]


def _ingredient(entry: _Entry, within: int | None, store: _Store, *, with_picture: bool) -> Ingredient:
    own = _mapping(store.manifests.get(_text(entry.json.get("active_manifest")) or ""))
    picture = _picture(entry.json, store.resource) if with_picture else None
    return Ingredient(
        title=_text(entry.json.get("title")),
        relationship=_text(entry.json.get("relationship")) or "unknown",
        actions=_actions(own),
        failures=tuple(dict.fromkeys((*_found_now(entry, store), *_recorded(entry.json)))),
        picture=picture,
        within=within,
        has_picture=picture is not None,
    )


def _found_now(entry: _Entry, store: _Store) -> tuple[FailedCheck, ...]:
    """What the library finds wrong with an ingredient beyond what was recorded of it."""
    end = f"/{entry.manifest}/c2pa.assertions/{entry.json.get('label')}"
    return next((checks for address, checks in store.failures.items() if address.endswith(end)), ())


def _recorded(entry: Json) -> tuple[FailedCheck, ...]:
    """What was wrong with an ingredient when it was taken in, as whoever took it in recorded it."""
    results = _mapping(_mapping(entry.get("validation_results")).get("activeManifest"))
    return _failures(results) if results else _failures({"failure": entry.get("validation_status")})


def _picture(entry: Json, resource: Resource) -> bytes | None:
    """The ingredient itself where the manifest holds it, else its thumbnail."""
    for held in (_mapping(entry.get("data")), _mapping(entry.get("thumbnail"))):
        identifier = held.get("identifier")
        if isinstance(identifier, str) and str(held.get("format", "")).startswith("image/"):
            return resource(identifier)
    return None


# Reading what a stranger wrote


def _text(value: object) -> str | None:
    """A text of printable characters, cut where it is absurdly long; None for anything else, or nothing."""
    if not isinstance(value, str):
        return None
    return "".join(char for char in value[:LONGEST] if char.isprintable()).strip() or None


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> Iterable[Json]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else ()
