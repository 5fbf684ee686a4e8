"""Embed whole pictures with an image tower of open_clip, named by its open_clip spec.

    ViT-B-32/laion2b_s34b_b79k · hf-hub:organisation/repository · local-dir:/path/to/folder

Flow of `open_embedder`: open_clip builds the model, loads its weights and gives its own preprocessing; the
image tower is traced into OpenVINO and both are run on the same probe; where they agree (cosine at least
0.999) OpenVINO runs from then on and torch's copy is dropped, else torch stays. Needs the extra `clip`;
this is the only module that imports torch and open_clip, and only inside that call. What is missing is a
typed error with one sentence, which the composition root turns into the reason why this signal is off.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from detector.errors import MissingExtra, WeightsError
from detector.imagery import Pixels
from detector.precision import PINNED, Choice, Probe
from detector.runtime import Network, Tensor
from detector.signals import SignalId, SignalKind

AGREEMENT = 0.999
BATCH = 4
"""Pictures in one run: a chunk keeps one core busy, and the caller's pool runs as many as there are cores."""
OUTPUT = "embedding"
HUB_SECONDS = 4.0
LOCAL = "local-dir:"
HUB = "hf-hub:"

Tower = Callable[[Tensor], Tensor]
"""Preprocessed pictures (n, 3, height, width) to embeddings (n, dimension)."""


@dataclass(frozen=True, slots=True)
class Runs:
    """What runs a tower, "openvino" or "torch", and in which precision."""

    tower: Tower
    engine: str
    choice: Choice


class ImageEmbedder:
    """An open_clip image tower. Thread-safe. `engine` says what runs it, `choice` in which precision and why."""

    def __init__(self, signal: SignalId, preprocess: Callable[[Image.Image], Any], runs: Runs) -> None:
        self._signal = signal
        self._preprocess = preprocess
        self._tower = runs.tower
        self.engine = runs.engine
        self.choice = runs.choice

    @property
    def signal(self) -> SignalId:
        return self._signal

    def load(self) -> None:
        """Nothing is left to do: `open_embedder` has loaded and compared everything."""

    def vectors(self, pictures: Sequence[Pixels], pool: Executor | None = None) -> Tensor:
        """Unit vectors (n, dimension) of at least one RGB picture, in their order."""
        parts = [pictures[at : at + BATCH] for at in range(0, len(pictures), BATCH)]
        spread: Callable[..., Iterable[Tensor]] = map if pool is None or len(parts) < 2 else pool.map
        return np.concatenate(list(spread(self._embed, parts)))

    def _embed(self, pictures: Sequence[Pixels]) -> Tensor:
        return _unit(self._tower(self._batch(pictures)))

    def _batch(self, pictures: Sequence[Pixels]) -> Tensor:
        ready = [self._preprocess(Image.fromarray(picture)).numpy() for picture in pictures]
        return np.stack(ready).astype(np.float32)


def open_embedder(
    spec: str,
    *,
    cache_dir: Path | None = None,
    threads: int | None = None,
    offline: bool = False,
    bfloat16: bool = False,
) -> ImageEmbedder:
    """The embedder of an open_clip spec, loaded and checked. `offline`: only weights that are here already.
    `bfloat16`: it may run so where the processor can and the vectors stay the same.

    Raises MissingExtra without open_clip; WeightsError where the spec is wrong or its weights cannot be had.
    """
    if importlib.util.find_spec("open_clip") is None or importlib.util.find_spec("torch") is None:
        raise MissingExtra(
            'image embedding needs the extra `clip`: install it with `pip install "lookalike[clip]"`'
        )
    model, preprocess = _load(spec, cache_dir, offline)
    torch_tower = _torch_tower(model)
    probe = _probe(preprocess)
    signal = SignalId(SignalKind.IMAGE, _name(spec), _fingerprint(model), "open-clip-val")
    compiled = _openvino_tower(model, probe, threads, bfloat16)
    if compiled is not None and _agree(compiled.tower(probe), torch_tower(probe)):
        return ImageEmbedder(signal, preprocess, compiled)
    return ImageEmbedder(signal, preprocess, Runs(torch_tower, "torch", PINNED))


# Loading


def _load(spec: str, cache_dir: Path | None, offline: bool) -> tuple[Any, Callable[[Image.Image], Any]]:
    import open_clip  # noqa: PLC0415 - the optional dependency

    name, tag = _parts(spec)
    kept = str(cache_dir) if cache_dir else None
    try:
        with _hub_only_if_reachable(spec, offline), _library_quiet():
            model, preprocess = open_clip.create_model_from_pretrained(
                name, tag, device="cpu", cache_dir=kept
            )
    except Exception as fault:
        raise WeightsError(
            f"the image network {spec} could not be loaded ({type(fault).__name__}); check the spec, or put its "
            f"weights into a folder and name it as {LOCAL}FOLDER in the setting image_network",
            code="image_weights_missing",
        ) from fault
    return model.eval(), preprocess


def _parts(spec: str) -> tuple[str, str | None]:
    """Name and tag for open_clip. Without a tag a built-in architecture would run on random weights."""
    if spec.startswith((LOCAL, HUB)):
        return spec, None
    name, _, tag = spec.partition("/")
    if not name or not tag:
        raise WeightsError(
            f"{spec!r} is no open_clip spec; write NAME/TAG (ViT-B-32/laion2b_s34b_b79k), {HUB}REPOSITORY or "
            f"{LOCAL}FOLDER",
            code="image_weights_missing",
        )
    return name, tag


def _name(spec: str) -> str:
    """The spec as it goes into a signal id: a folder's path says where the weights lie and not which they
    are."""
    return f"local-dir:{Path(spec.removeprefix(LOCAL)).name}" if spec.startswith(LOCAL) else spec


def _fingerprint(model: Any) -> str:
    """Twelve hex digits of the image tower's weights: names and tags can be moved, these cannot."""
    digest = hashlib.sha256()
    for name, values in sorted(model.visual.state_dict().items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values.float().numpy()).tobytes())
    return digest.hexdigest()[:12]


@contextmanager
def _hub_only_if_reachable(spec: str, offline: bool) -> Iterator[None]:
    """Where the model hub cannot be reached, its library would ask five times with growing pauses, on
    every start. So it is asked once here, and if it does not answer, the library is told to use what is on
    this machine."""
    if spec.startswith(LOCAL):
        yield
        return
    from huggingface_hub import constants  # noqa: PLC0415 - comes with open_clip's own loading

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or offline or not _hub_answers()
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _hub_answers() -> bool:
    import huggingface_hub as hub  # noqa: PLC0415 - as above

    if hub.is_offline_mode():
        return False
    try:
        hub.get_session().head(hub.hf_hub_url("any", "any"), timeout=HUB_SECONDS)
    except Exception:  # noqa: BLE001 - the hub's library changes its HTTP client; any failure means: not reachable
        return False
    return True


@contextmanager
def _library_quiet() -> Iterator[None]:
    """open_clip logs and warns through the root logger while it loads; a command line is no place for
    that."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


# Running


def _torch_tower(model: Any) -> Tower:
    import torch  # noqa: PLC0415 - the optional dependency

    lock = threading.Lock()

    def run(batch: Tensor) -> Tensor:
        with lock, torch.inference_mode():
            return np.asarray(model.encode_image(torch.from_numpy(batch)).float().numpy(), np.float32)

    return run


def _openvino_tower(model: Any, probe: Tensor, threads: int | None, bfloat16: bool) -> Runs | None:
    """The same tower compiled, or None where it cannot be traced."""
    asked = Probe(probe, OUTPUT) if bfloat16 else None
    try:
        network = Network(_traced(model, probe), (-1, *probe.shape[1:]), threads=threads, probe=asked)
        network.load()
    except Exception:  # noqa: BLE001 - tracing foreign modules fails in any way; torch runs them all
        return None
    return Runs(lambda batch: network.run(batch)[OUTPUT], "openvino", network.choice)


def _traced(model: Any, probe: Tensor) -> Any:
    import openvino  # noqa: PLC0415 - see detector.runtime
    import torch  # noqa: PLC0415 - the optional dependency

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # its fused operator cannot be traced
    model.forward = model.encode_image  # traced is what a call runs, and of the two towers one is needed
    try:
        with torch.inference_mode(), _library_quiet():
            traced = openvino.convert_model(model, example_input=torch.from_numpy(probe))
    finally:
        del model.forward
        torch.backends.mha.set_fastpath_enabled(fast)
    traced.outputs[0].get_tensor().set_names({OUTPUT})
    return traced


def _probe(preprocess: Callable[[Image.Image], Any]) -> Tensor:
    """Three noisy gradients through the network's own preprocessing: fixed, and nobody's picture."""
    ramp = np.linspace(0, 200, 256)[None, :, None] + np.zeros((256, 1, 3))
    noisy = [ramp + np.random.default_rng(seed).integers(0, 55, ramp.shape) for seed in range(3)]
    return np.stack([preprocess(Image.fromarray(one.astype(np.uint8))).numpy() for one in noisy])


def _agree(one: Tensor, other: Tensor) -> bool:
    return bool((_unit(one) * _unit(other)).sum(axis=1).min() >= AGREEMENT)


def _unit(vectors: Tensor) -> Tensor:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)
