"""The tower that is built from safetensors: norms are folded rightly, open_clip gives the same, faults are sentences."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector.errors import WeightsError
from detector.imagery import Pixels
from detector.images.square import SquareNetwork
from detector.images.tower import CONFIGURATION, EPSILON, FILE, PREFIX, Weights, open_tower, tower_model
from detector.signals import SignalKind

SHIPPED = Path(__file__).resolve().parents[2] / "data" / "tower"

SIDE = 32
WIDTHS = (4, 3, 4, 4, 5, 5, 6, 6)
"""Channels after the stem and each stage of a narrow tower; stage 1 keeps none of its input's count, 2 does."""


def narrow_weights(seed: int) -> Weights:
    """Random weights in the tower's form: one block in stage 0, two in the others."""
    rng, weights = np.random.default_rng(seed), {}

    def add(conv: str, norm: str, out: int, into: int, kernel: int) -> None:
        weights[f"{conv}.weight"] = rng.normal(0, 1 / np.sqrt(into * kernel), (out, into, kernel, kernel))
        weights[f"{norm}.weight"] = rng.uniform(0.5, 1.5, out)
        weights[f"{norm}.bias"] = rng.normal(0, 0.3, out)
        weights[f"{norm}.running_mean"] = rng.normal(0, 0.3, out)
        weights[f"{norm}.running_var"] = rng.uniform(0.5, 2, out)

    add("conv_stem", "bn1", WIDTHS[0], 3, 3)
    add("blocks.0.0.conv_dw", "blocks.0.0.bn1", WIDTHS[0], 1, 3)
    add("blocks.0.0.conv_pw", "blocks.0.0.bn2", WIDTHS[1], WIDTHS[0], 1)
    for stage in range(1, 7):
        for block, into in enumerate((WIDTHS[stage], WIDTHS[stage + 1])):
            name = f"blocks.{stage}.{block}."
            add(f"{name}conv_pw", f"{name}bn1", 8, into, 1)
            add(f"{name}conv_dw", f"{name}bn2", 8, 1, 5 if stage % 2 else 3)
            add(f"{name}conv_pwl", f"{name}bn3", WIDTHS[stage + 1], 8, 1)
    add("conv_head", "bn2", 16, WIDTHS[-1], 1)
    weights["classifier.weight"], weights["classifier.bias"] = rng.normal(size=(7, 16)), rng.normal(size=7)
    return {name: value.astype(np.float32) for name, value in weights.items()}


def write_tower(folder: Path, weights: Weights) -> Path:
    """The folder with these weights as safetensors, float32."""
    header, data = {}, b""
    for name, value in weights.items():
        where = [len(data), len(data) + value.nbytes]
        header[PREFIX + name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": where}
        data += value.tobytes()
    text = json.dumps(header).encode()
    (folder / FILE).write_bytes(len(text).to_bytes(8, "little") + text + data)
    return folder


def network(folder: Path, side: int = SIDE) -> SquareNetwork:
    configuration = {"model_cfg": {"vision_cfg": {"image_size": side}}}
    (folder / CONFIGURATION).write_text(json.dumps(configuration), encoding="utf-8")
    return open_tower(folder, threads=1)


def pictures(count: int, side: int = SIDE) -> list[np.ndarray]:
    return list(np.random.default_rng(5).integers(0, 256, (count, side, side, 3), dtype=np.uint8))


def test_norms_folded_by_hand_change_no_vector(tmp_path: Path) -> None:
    weights = narrow_weights(1)
    expected = network(write_tower(tmp_path, weights)).vectors(pictures(3))
    for norm in [name.removesuffix(".running_var") for name in weights if name.endswith(".running_var")]:
        weights = folded(weights, norm)
    found = network(write_tower(tmp_path, weights)).vectors(pictures(3))
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-5)


def folded(weights: Weights, norm: str) -> Weights:
    """The same network: this norm's scale moved into the convolution before it, its shift left in its bias."""
    conv = list(weights)[list(weights).index(f"{norm}.weight") - 1]
    scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + EPSILON)
    return weights | {
        conv: weights[conv] * scale[:, None, None, None],
        f"{norm}.bias": weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale,
        f"{norm}.weight": np.ones_like(scale),
        f"{norm}.running_mean": np.zeros_like(scale),
        f"{norm}.running_var": np.full_like(scale, 1 - EPSILON),
    }


def test_a_batch_equals_its_pictures_one_by_one(tmp_path: Path) -> None:
    runs = network(write_tower(tmp_path, narrow_weights(2)))
    together = runs.vectors(pictures(5))
    alone = np.concatenate([runs.vectors([each]) for each in pictures(5)])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)


def test_what_cannot_be_read_is_said_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=re.escape(str(tmp_path))):
        tower_model(tmp_path, SIDE)
    content = (write_tower(tmp_path, narrow_weights(3)) / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(content[:-4])
    with pytest.raises(WeightsError, match="cannot be read"):
        tower_model(tmp_path, SIDE)


def test_a_missing_weight_is_named(tmp_path: Path) -> None:
    weights = narrow_weights(4)
    del weights["blocks.3.1.bn2.bias"]
    with pytest.raises(WeightsError, match=r"blocks\.3\.1\.bn2\.bias"):
        tower_model(write_tower(tmp_path, weights), SIDE)


def test_the_signal_follows_the_weights(tmp_path: Path) -> None:
    first, again, other = (network(write_tower(tmp_path, narrow_weights(seed))).signal for seed in (1, 1, 2))
    assert first == again != other
    assert first.kind is SignalKind.IMAGE


def test_a_folder_without_its_configuration_is_refused(tmp_path: Path) -> None:
    write_tower(tmp_path, narrow_weights(1))
    with pytest.raises(WeightsError, match="no configuration of an image tower"):
        open_tower(tmp_path)


@pytest.mark.clip
def test_open_clip_gives_the_same_vectors(tmp_path: Path) -> None:
    import open_clip
    import torch
    from safetensors.torch import save_file

    from training.tower import CONFIG
    from training.tower import SIDE as TOWER_SIDE

    torch.manual_seed(0)
    model = open_clip.CLIP(**CONFIG)
    model.train()
    with torch.no_grad():
        model.encode_image(
            torch.rand(8, 3, TOWER_SIDE, TOWER_SIDE)
        )  # the norms' means leave their first values
    save_file(model.eval().state_dict(), tmp_path / FILE)
    given = pictures(2, TOWER_SIDE)
    inputs = torch.from_numpy(np.stack(given)).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(model.encode_image(inputs), dim=1).numpy()
    np.testing.assert_allclose(network(tmp_path, TOWER_SIDE).vectors(given), expected, atol=1e-5)


@pytest.mark.weights
def test_the_tower_that_comes_with_the_code_finds_edited_portraits_among_others(sample_dir: Path) -> None:
    names = ("obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg")
    portraits = [np.asarray(Image.open(sample_dir / name).convert("RGB")) for name in names]
    runs = open_tower(SHIPPED)
    references = runs.vectors(portraits)
    for edited in (half_of, mirrored, smaller):
        found = runs.vectors([edited(portrait) for portrait in portraits]) @ references.T
        assert found.argmax(axis=1).tolist() == [0, 1, 2, 3]


def half_of(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    return picture[
        height // 7 : height // 7 + round(0.7 * height), width // 7 : width // 7 + round(0.7 * width)
    ]


def mirrored(picture: Pixels) -> Pixels:
    return picture[:, ::-1].copy()


def smaller(picture: Pixels) -> Pixels:
    return picture[::4, ::4].copy()
