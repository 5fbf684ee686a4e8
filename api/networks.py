"""The real extractor out of the settings: which networks run, and why one does not.

Faces are needed: without their weights nothing can be recognised, and that is an error. The embedding of whole
pictures is an addition: without its extra or its weights that one signal is off, and every answer says why.
"""

from __future__ import annotations

from api.settings import Settings
from data.weights import WeightsCache
from detector.embedding import ImageEmbedder, open_embedder
from detector.errors import MissingExtra, WeightsError
from detector.extractor import SignalExtractor
from detector.faces.networks import FaceNetworks
from detector.signals import SignalKind


def build_extractor(settings: Settings, weights: WeightsCache) -> SignalExtractor:
    """Fetches absent face weights unless offline. Raises WeightsError when they can't be had."""
    threads = settings.threads or None
    faces = FaceNetworks(weights.ensure("yunet"), weights.ensure("sface"), threads=threads)
    embedder, why_off = _embedder(settings)
    absent = {} if why_off is None else {SignalKind.IMAGE: why_off}
    return SignalExtractor(faces, embedder, absent, threads=threads)


def _embedder(settings: Settings) -> tuple[ImageEmbedder | None, str | None]:
    """The embedder, or the sentence that says why there is none."""
    if settings.image_model is None:
        return None, "the setting image_model is empty"
    try:
        embedder = open_embedder(
            settings.image_model,
            cache_dir=settings.cache_dir / "open_clip",
            threads=settings.threads or None,
            offline=settings.offline,
        )
    except (MissingExtra, WeightsError) as error:
        return None, error.detail
    return embedder, None
