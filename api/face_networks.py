"""Which face network runs: the one that the settings name, of the manifest or of the user's own, and whether it may.

face_network ─ described? ─▶ licence allowed? ─▶ file here, and the bytes that were pinned? ─▶ path, description
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from api.own_networks import OwnFaceNetwork
from api.settings import Settings
from data.weights import WeightsCache, WeightsEntry, manifest, sha256_of
from detector.errors import SettingsError, WeightsError
from detector.faces.recogniser import FaceNetwork


@dataclass(frozen=True, slots=True)
class ChosenNetwork:
    """A network that may be loaded, and its file."""

    network: FaceNetwork
    file: Path


def known(entries: Sequence[WeightsEntry]) -> Mapping[str, WeightsEntry]:
    """The face networks of a manifest, by name."""
    return {entry.name: entry for entry in entries if entry.face is not None}


def choose(settings: Settings, weights: WeightsCache) -> ChosenNetwork:
    """Fetches absent weights of the manifest unless offline.

    Raises SettingsError for a name that nothing describes, WeightsError with code `non_commercial` where the licence was
    not agreed to, `weights_unpinned` where nobody stated the hash, and for absent or other bytes.
    """
    name = settings.face_network
    own, listed = settings.face_networks.get(name), known(weights.entries).get(name)
    if own is not None and listed is not None:
        raise SettingsError(
            f"the manifest has a face network named {name} already; give your own another name in face_networks"
        )
    if own is not None:
        _require_licence(settings, name, own.licence, own.commercial)
        return _own(name, own)
    if listed is None or listed.face is None:
        names = ", ".join([*known(weights.entries), *settings.face_networks])
        raise SettingsError(f"the setting face_network names {name!r}, but the face networks are {names}")
    _require_licence(settings, name, listed.licence, listed.commercial)
    return ChosenNetwork(listed.face, weights.ensure(name))


def weights_of(settings: Settings) -> frozenset[str]:
    """The file of the manifest that the chosen face network needs; none for a network of the user's own."""
    return frozenset({settings.face_network} & known(manifest()).keys())


def _require_licence(settings: Settings, name: str, licence: str, commercial: bool) -> None:
    if commercial or settings.allow_non_commercial:
        return
    raise WeightsError(
        f"the face network {name} may not be used commercially (licence: {licence}); "
        "if your use is allowed by it, set allow_non_commercial = true",
        code="non_commercial",
    )


def _own(name: str, own: OwnFaceNetwork) -> ChosenNetwork:
    if not own.file.is_file():
        raise WeightsError(f"the file of the face network {name} is not at {own.file}")
    found = sha256_of(own.file)
    if own.sha256 is None and not own.accept_unpinned:
        raise WeightsError(
            f"nobody says which bytes {own.file} should have; it has the SHA-256 {found}: compare that with what its "
            f"maker publishes, then set sha256 in face_networks.{name} (or accept_unpinned = true, if any will do)",
            code="weights_unpinned",
        )
    if own.sha256 is not None and own.sha256 != found:
        raise WeightsError(
            f"{own.file} has the SHA-256 {found}, but face_networks.{name} says {own.sha256}",
            code="weights_damaged",
        )
    return ChosenNetwork(own.network(name, found), own.file)
