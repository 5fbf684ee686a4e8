"""The real extractor out of the settings: which networks run, and why one does not.

Faces are needed: without their weights nothing can be recognised, and that is an error. The embedding of whole
pictures is an addition: without its weights or its extra that one signal is off, and every answer says why.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from api.face_networks import choose, weights_of
from api.settings import Settings
from data.weights import WeightsCache
from detector.compiled import CompiledCache
from detector.embedding import open_embedder
from detector.errors import MissingExtra, WeightsError
from detector.extractor import Embedder, SignalExtractor
from detector.faces.networks import FaceNetworks, FaceSettings
from detector.faces.yunet import DetectorSettings
from detector.images.square import SSCD_SIDES, SquareNetwork, sscd
from detector.images.tower import open_tower
from detector.signals import SignalKind

AUTOMATIC = "auto"
"""The setting `precision` where each network may run in bfloat16."""

SSCD = "sscd"
"""The image network of the manifest, as the setting `image_network` names it; also with another side, sscd-224."""

TOWER = "tower"
"""Our own image network, whose weights come with the code."""


def build_extractor(settings: Settings, weights: WeightsCache) -> SignalExtractor:
    """Fetches absent weights unless offline. Raises WeightsError when those of the faces can't be had."""
    threads = settings.threads or None
    face = choose(settings, weights)
    looked = FaceSettings(
        DetectorSettings(tiles=settings.thorough),
        most=settings.max_faces,
        bfloat16=settings.precision == AUTOMATIC,
    )
    faces = FaceNetworks(
        weights.ensure("yunet"),
        face.file,
        network=face.network,
        settings=looked,
        threads=threads,
        cache=compiled(settings),
    )
    embedder, why_off = _embedder(settings, weights)
    absent = {} if why_off is None else {SignalKind.IMAGE: why_off}
    return SignalExtractor(faces, embedder, absent, threads=threads)


def compiled(settings: Settings) -> CompiledCache:
    """Where compiled networks are kept between runs."""
    return CompiledCache(settings.cache_dir / "compiled")


def needed(settings: Settings) -> frozenset[str]:
    """The files of the manifest without which nothing can be recognised."""
    return frozenset({"yunet"}) | weights_of(settings)


def wanted(settings: Settings) -> frozenset[str]:
    """Every file of the manifest that these settings make use of."""
    return needed(settings) | ({SSCD} if _sscd_side(settings.image_network) else frozenset())


def _embedder(settings: Settings, weights: WeightsCache) -> tuple[Embedder | None, str | None]:
    """The embedder, or the sentence that says why there is none."""
    if settings.image_network is None:
        return None, "the setting image_network is none"
    try:
        return _opened(settings.image_network, settings, weights), None
    except (MissingExtra, WeightsError) as error:
        return None, error.detail


def _sscd_side(name: str | None) -> int | None:
    """The side that SSCD is to see pictures at; None when another network is named."""
    return next((side for side in SSCD_SIDES if name in (f"{SSCD}-{side}", SSCD)), None)


def _opened(name: str, settings: Settings, weights: WeightsCache) -> Embedder:
    threads = settings.threads or None
    side = _sscd_side(name)
    if side is not None:
        spec = sscd(weights.entry(SSCD).revision, side)
        return SquareNetwork(weights.ensure(SSCD), spec, threads=threads, cache=compiled(settings))
    if name == TOWER:
        return open_tower(Path(str(files("data").joinpath(TOWER))), threads=threads)
    return open_embedder(
        name,
        cache_dir=settings.cache_dir / "open_clip",
        threads=threads,
        offline=weights.offline,
        bfloat16=settings.precision == AUTOMATIC,
    )
