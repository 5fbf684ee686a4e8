"""Image embedding: a real open_clip model with random weights, and the sentences where something is
missing."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from detector.embedding import ImageEmbedder, open_embedder
from detector.errors import MissingExtra, WeightsError
from detector.extractor import Embedder, SignalExtractor
from detector.imagery import DecodedImage, Pixels
from detector.signals import SignalId

CONFIG = {
    "model_cfg": {
        "embed_dim": 32,
        "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16, "head_width": 32},
        "text_cfg": {"context_length": 8, "vocab_size": 50, "width": 32, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"size": 64, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
}


def scenes(count: int) -> list[Pixels]:
    rng = np.random.default_rng(7)
    return [rng.integers(0, 255, (40 + 10 * number, 90, 3), np.uint8) for number in range(count)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder as open_clip saves it, with random weights."""
    import open_clip
    import torch

    torch.manual_seed(3)
    where = tmp_path_factory.mktemp("tiny-clip")
    (where / "open_clip_config.json").write_text(json.dumps(CONFIG))
    model = open_clip.CLIP(**CONFIG["model_cfg"])
    torch.save(model.state_dict(), where / "open_clip_pytorch_model.bin")
    return where


@pytest.fixture(scope="module")
def embedder(folder: Path) -> ImageEmbedder:
    return open_embedder(f"local-dir:{folder}")


@pytest.mark.clip
def test_a_real_model_runs_on_openvino_and_agrees_with_open_clip(
    embedder: ImageEmbedder, folder: Path
) -> None:
    import open_clip
    import torch
    from PIL import Image

    assert embedder.engine == "openvino"
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    ready = torch.stack([preprocess(Image.fromarray(scene)) for scene in scenes(3)])
    with torch.no_grad():
        expected = model.eval().encode_image(ready, normalize=True).numpy()
    assert (embedder.vectors(scenes(3)) * expected).sum(axis=1).min() >= 0.999


@pytest.mark.clip
def test_vectors_are_unit_and_do_not_depend_on_the_batch(embedder: ImageEmbedder) -> None:
    together = embedder.vectors(scenes(20))
    alone = np.concatenate([embedder.vectors([scene]) for scene in scenes(20)])
    assert together.shape == (20, 32)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.abs(together - alone).max() < 1e-4


@pytest.mark.clip
def test_the_signal_names_the_weights_and_not_their_place(folder: Path, tmp_path: Path) -> None:
    signal = open_embedder(f"local-dir:{folder}").signal
    moved = tmp_path / folder.name
    moved.symlink_to(folder)
    assert open_embedder(f"local-dir:{moved}").signal == signal
    assert SignalId.parse(str(signal)) == signal
    assert str(folder.parent) not in str(signal)


@pytest.mark.clip
def test_other_weights_are_another_signal(embedder: ImageEmbedder, tmp_path: Path) -> None:
    import open_clip
    import torch

    (tmp_path / "open_clip_config.json").write_text(json.dumps(CONFIG))
    torch.manual_seed(4)
    torch.save(open_clip.CLIP(**CONFIG["model_cfg"]).state_dict(), tmp_path / "open_clip_pytorch_model.bin")
    assert open_embedder(f"local-dir:{tmp_path}").signal.revision != embedder.signal.revision


@pytest.mark.clip
def test_torch_runs_what_openvino_does_not_agree_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.embedding.AGREEMENT", 1.1)
    by_torch = open_embedder(f"local-dir:{folder}")
    assert by_torch.engine == "torch"
    monkeypatch.undo()
    by_openvino = open_embedder(f"local-dir:{folder}")
    assert (by_torch.vectors(scenes(3)) * by_openvino.vectors(scenes(3))).sum(axis=1).min() >= 0.999


@pytest.mark.clip
def test_the_extractor_carries_the_embedding(embedder: ImageEmbedder) -> None:
    port: Embedder = embedder
    images = [DecodedImage(scene, scene.shape[1], scene.shape[0], "PNG", "0" * 64) for scene in scenes(3)]
    signals = SignalExtractor(None, port).extract(images)
    assert all(one.image is not None and one.image.shape == (1, 32) for one in signals)
    assert signals[0].made_by.image == embedder.signal


@pytest.mark.clip
@pytest.mark.parametrize(
    "spec", ["local-dir:/no/such/folder", "ViT-B-32/no_such_tag", "NoSuchNetwork/openai"]
)
def test_missing_weights_are_a_sentence(spec: str) -> None:
    with pytest.raises(WeightsError, match="could not be loaded") as caught:
        open_embedder(spec, offline=True)
    assert spec in caught.value.detail


@pytest.mark.clip
def test_a_folder_without_weights_never_runs_on_random_ones(tmp_path: Path) -> None:
    (tmp_path / "open_clip_config.json").write_text(json.dumps(CONFIG))
    with pytest.raises(WeightsError, match="could not be loaded"):
        open_embedder(f"local-dir:{tmp_path}")


@pytest.mark.clip
def test_a_name_without_a_tag_never_runs_on_random_weights() -> None:
    with pytest.raises(WeightsError, match="no open_clip spec"):
        open_embedder("ViT-B-32")


@pytest.mark.clip
def test_weights_of_the_hub_while_offline_fail_at_once() -> None:
    with pytest.raises(WeightsError, match="hf-hub:org/none could not be loaded"):
        open_embedder("hf-hub:org/none", offline=True)


@pytest.mark.parametrize("absent", ["open_clip", "torch"])
def test_without_the_extra_the_error_names_it(absent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def find(name: str, *rest: object) -> object:
        return None if name == absent else found("json" if name in ("open_clip", "torch") else name)

    monkeypatch.setattr("importlib.util.find_spec", find)
    with pytest.raises(MissingExtra, match=r"lookalike\[clip\]"):
        open_embedder("ViT-B-32/openai")
