"""SSCD with its real weights on real pictures: edited copies come first, and batches and threads change nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from detector.errors import WeightsError
from detector.extractor import Embedder, SignalExtractor
from detector.imagery import DecodedImage, Pixels
from detector.images.square import SquareNetwork, sscd
from detector.images.tower import open_tower

EDITS: dict[str, Callable[[Pixels], Pixels]] = {
    "mirror": lambda picture: np.ascontiguousarray(picture[:, ::-1]),
    "quarter size": lambda picture: cv2.resize(picture, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA),
    "crop to half": lambda picture: picture[: round(0.7 * len(picture)), : round(0.7 * picture.shape[1])],
    "grey": lambda picture: cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
    "border": lambda picture: cv2.copyMakeBorder(
        picture, 60, 60, 90, 90, cv2.BORDER_CONSTANT, value=(9, 9, 9)
    ),
    "turned": lambda picture: np.ascontiguousarray(np.rot90(picture)),
}


@pytest.fixture(scope="module")
def network(weights_dir: Path) -> SquareNetwork:
    return SquareNetwork(weights_dir / "sscd.onnx", sscd("int8-0.1.0"), threads=2)


@pytest.fixture(scope="module")
def portraits(sample_dir: Path) -> list[Pixels]:
    names = ("obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg", "astronaut.png")
    return [np.asarray(Image.open(sample_dir / name).convert("RGB")) for name in names]


@pytest.mark.weights
@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_copy_is_nearest_to_its_original(
    network: SquareNetwork, portraits: list[Pixels], edit: str
) -> None:
    held = network.vectors(portraits)
    copies = network.vectors([EDITS[edit](picture) for picture in portraits])
    assert (copies @ held.T).argmax(axis=1).tolist() == list(range(len(portraits)))


@pytest.mark.weights
def test_a_batch_of_n_equals_n_batches_of_one_in_any_thread(
    network: SquareNetwork, portraits: list[Pixels]
) -> None:
    alone = np.concatenate([network.vectors([picture]) for picture in portraits])
    with ThreadPoolExecutor(4) as pool:
        spread = network.vectors(portraits, pool)
        several = list(pool.map(network.vectors, [portraits] * 4))
    assert alone.shape == (len(portraits), 512)
    assert np.linalg.norm(alone, axis=1) == pytest.approx(1)
    for other in (spread, *several):
        assert np.abs(other - alone).max() < 1e-5


@pytest.mark.weights
def test_the_extractor_carries_the_vector_and_names_what_made_it(
    network: SquareNetwork, portraits: list[Pixels]
) -> None:
    embedder: Embedder = network
    extractor = SignalExtractor(None, embedder)
    height, width = portraits[0].shape[:2]
    image = DecodedImage(portraits[0], width, height, "JPEG", "0" * 64)
    (signals,) = extractor.extract([image])
    extractor.close()
    assert str(signals.made_by.image) == "image/sscd@int8-0.1.0/square160.area"
    assert signals.image is not None
    assert signals.image.shape == (1, 512)
    assert np.abs(signals.image - network.vectors(portraits[:1])).max() < 1e-5


@pytest.mark.weights
def test_a_collage_is_embedded_with_its_panels_and_is_a_copy_of_each(
    network: SquareNetwork, portraits: list[Pixels]
) -> None:
    several = [portraits[place] for place in (0, 2, 1, 4)]
    cells = [cv2.resize(picture, (300, 300)) for picture in several]
    collage = cv2.vconcat([cv2.hconcat(cells[:2]), cv2.hconcat(cells[2:])])
    extractor = SignalExtractor(None, network)
    one, two = extractor.extract(
        [DecodedImage(picture, 600, 600, "PNG", "0" * 64) for picture in (collage, cells[0])]
    )
    extractor.close()
    assert one.image is not None
    assert two.image is not None
    assert (len(one.image), len(two.image)) == (5, 1)
    alike = network.vectors(several) @ one.image.T
    assert alike.max(axis=1).min() > 0.8
    assert alike[:, 0].max() < 0.6


def test_another_side_is_another_signal() -> None:
    assert sscd("int8-0.1.0", 224).signal != sscd("int8-0.1.0").signal


def test_a_folder_without_a_tower_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no configuration of an image tower"):
        open_tower(tmp_path)


def test_a_file_that_is_no_network_is_an_error_on_first_use(tmp_path: Path) -> None:
    (tmp_path / "sscd.onnx").write_bytes(b"not a network")
    network = SquareNetwork(tmp_path / "sscd.onnx", sscd("1"))
    with pytest.raises(WeightsError, match="weights pull"):
        network.vectors([np.zeros((8, 8, 3), np.uint8)])
