"""Copies found through the registry by SSCD's real vectors of real portraits, edited in many ways and put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from detector.extractor import SignalExtractor
from detector.imagery import DecodedImage, Pixels
from detector.images.square import SquareNetwork, sscd
from detector.signals import Signals
from indexer.registry import Registry

NAMES = ("obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg", "astronaut.png")


def page(picture: Pixels) -> Pixels:
    """The picture over the width of a page, lines of text under it."""
    wide = cv2.resize(picture, (360, 300), interpolation=cv2.INTER_AREA)
    sheet = np.full((720, 360, 3), 245, np.uint8)
    sheet[80:380] = wide
    for line in range(430, 700, 40):
        cv2.putText(sheet, "lorem ipsum dolor sit", (10, line), cv2.FONT_HERSHEY_DUPLEX, 0.7, (60, 60, 60))
    return sheet


def crop(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    return np.ascontiguousarray(picture[height // 10 : 7 * height // 10, width // 10 : 9 * width // 10])


EDITS: dict[str, Callable[[Pixels], Pixels]] = {
    "as it is": lambda picture: picture,
    "mirror": lambda picture: np.ascontiguousarray(picture[:, ::-1]),
    "crop": crop,
    "page": page,
    "blur": lambda picture: cv2.GaussianBlur(picture, (0, 0), 3.0),
}


def decoded(picture: Pixels) -> DecodedImage:
    return DecodedImage(picture, picture.shape[1], picture.shape[0], "PNG", "0" * 64)


@pytest.fixture(scope="module")
def extractor(weights_dir: Path) -> Iterator[SignalExtractor]:
    network = SquareNetwork(weights_dir / "sscd.onnx", sscd("int8-0.1.0"), threads=2)
    made = SignalExtractor(None, network, kinds=(), threads=2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def portraits(sample_dir: Path) -> list[Pixels]:
    pictures = [Image.open(sample_dir / name).convert("RGB") for name in NAMES]
    for picture in pictures:
        picture.thumbnail((640, 640))
    return [np.asarray(picture) for picture in pictures]


@pytest.fixture(scope="module")
def registry(extractor: SignalExtractor, portraits: list[Pixels], make_world: Any) -> Registry:
    feed, image = make_world(1).feed(), extractor.made_by.image
    for name, signals in zip(NAMES, extractor.extract(list(map(decoded, portraits))), strict=True):
        feed.put(name, f"talent of {name}", {image: signals.image})
    return Registry.open(extractor.made_by, feed)


def first(registry: Registry, seen: list[Signals]) -> list[str]:
    return [answer.copies[0].reference_id for answer in registry.search(seen, 3)]


@pytest.mark.weights
def test_every_edited_copy_finds_its_reference_first(
    extractor: SignalExtractor, registry: Registry, portraits: list[Pixels]
) -> None:
    for edit in EDITS.values():
        copies = [decoded(edit(picture)) for picture in portraits]
        assert first(registry, extractor.extract(copies)) == list(NAMES)


@pytest.mark.weights
def test_a_collage_finds_all_its_references_first(
    extractor: SignalExtractor, registry: Registry, portraits: list[Pixels]
) -> None:
    cells = [cv2.resize(portraits[place], (300, 300)) for place in (0, 2, 1, 4)]
    collage = cv2.vconcat([cv2.hconcat(cells[:2]), cv2.hconcat(cells[2:])])
    ((answer),) = registry.search(extractor.extract([decoded(collage)]), 5)
    found = [(copy.reference_id, copy.similarity) for copy in answer.copies]
    assert {name for name, _ in found[:4]} == {NAMES[place] for place in (0, 2, 1, 4)}
    assert found[3][1] > found[4][1] + 0.1
