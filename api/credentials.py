"""The credential reader of an installation: whom its settings trust, and whether it fetches."""

from __future__ import annotations

from api.settings import Settings
from api.web import outgoing_web
from data.sources.web import Fetcher
from detector.credentials.manifests import Fetch, ManifestReader
from detector.credentials.reading import CredentialReader
from detector.credentials.trust import read_trust_lists

LARGEST_MANIFEST = 16 * 2**20
"""Bytes of a manifest that is fetched; ordinary ones have some hundred thousand."""


def credential_reader(settings: Settings) -> CredentialReader:
    """Reads what files say of themselves. Raises SettingsError for a trust list that can't be used."""
    trust = read_trust_lists(settings.c2pa_trust_lists)
    return CredentialReader(ManifestReader(trust, _fetch(settings)))


def _fetch(settings: Settings) -> Fetch | None:
    """Through the one door to the web; None where the settings forbid it."""
    if not settings.c2pa_fetch or settings.offline:
        return None
    fetcher = Fetcher(outgoing_web(settings), LARGEST_MANIFEST, robots=settings.web_robots)
    return lambda address: fetcher.fetch(address).data
