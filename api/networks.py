"""The real extractor out of the settings: which networks run, and why one does not.

Faces are needed: without their weights nothing can be recognised, and that is an error. The embedding of whole
pictures is an addition: without its extra or weights that one signal is off, and every answer says why.
"""

from __future__ import annotations

from api.settings import Settings
from data.weights import WeightsCache
from detector.extractor import Embedder, SignalExtractor
from detector.faces.networks import FaceNetworks
from detector.signals import SignalKind


def build_extractor(settings: Settings, weights: WeightsCache) -> SignalExtractor:
    """Fetches absent face weights unless offline. Raises WeightsError when they can't be had."""
    threads = settings.threads or None
    faces = FaceNetworks(weights.ensure("yunet"), weights.ensure("sface"), threads=threads)
    embedder = _embedder(settings)
    if isinstance(embedder, str):
        return SignalExtractor(faces, None, {SignalKind.IMAGE: embedder}, threads=threads)
    return SignalExtractor(faces, embedder, threads=threads)


def _embedder(settings: Settings) -> Embedder | str:
    """The embedder, or a sentence that says why there is none."""
    if settings.image_model is None:
        return "the setting image_model is empty"
    return "not here yet"
