"""The real extractor out of the settings: which networks run, and why one does not.

Faces are needed: without their weights nothing can be recognised, and that is an error. The embedding of whole
pictures is an addition: without its weights or its extra that one signal is off, and every answer says why.
"""

from __future__ import annotations

from api.face_networks import choose, weights_of
from api.settings import Settings
from data.weights import WeightsCache
from detector.embedding import open_embedder
from detector.errors import MissingExtra, WeightsError
from detector.extractor import Embedder, SignalExtractor
from detector.faces.networks import FaceNetworks
from detector.images.square import SquareNetwork, sscd
from detector.signals import SignalKind

SSCD = "sscd"
"""The image network of the manifest, as the setting `image_network` names it."""


def build_extractor(settings: Settings, weights: WeightsCache) -> SignalExtractor:
    """Fetches absent weights unless offline. Raises WeightsError when those of the faces can't be had."""
    threads = settings.threads or None
    face = choose(settings, weights)
    faces = FaceNetworks(weights.ensure("yunet"), face.file, network=face.network, threads=threads)
    embedder, why_off = _embedder(settings, weights)
    absent = {} if why_off is None else {SignalKind.IMAGE: why_off}
    return SignalExtractor(faces, embedder, absent, threads=threads)


def needed(settings: Settings) -> frozenset[str]:
    """The files of the manifest without which nothing can be recognised."""
    return frozenset({"yunet"}) | weights_of(settings)


def wanted(settings: Settings) -> frozenset[str]:
    """Every file of the manifest that these settings make use of."""
    return needed(settings) | ({SSCD} if settings.image_network == SSCD else frozenset())


def _embedder(settings: Settings, weights: WeightsCache) -> tuple[Embedder | None, str | None]:
    """The embedder, or the sentence that says why there is none."""
    if settings.image_network is None:
        return None, "the setting image_network is none"
    try:
        return _opened(settings.image_network, settings, weights), None
    except (MissingExtra, WeightsError) as error:
        return None, error.detail


def _opened(name: str, settings: Settings, weights: WeightsCache) -> Embedder:
    threads = settings.threads or None
    if name == SSCD:
        return SquareNetwork(weights.ensure(SSCD), sscd(weights.entry(SSCD).revision), threads=threads)
    return open_embedder(
        name, cache_dir=settings.cache_dir / "open_clip", threads=threads, offline=weights.offline
    )
