"""Turn aligned faces into vectors: any recogniser of the ArcFace family, described by one manifest entry.

    crops (112, 112, 3) ─ channel order, (x - mean) / std ─▶ network, the crop and its mirror ─▶ sum, length one

Each crop goes in twice, as it is and mirrored, and both outputs are added before the length is set to one.
That halves what the network makes of the lighting's side, and is measurably better (docs/networks.md). It
is part of the signal's id, as are alignment and input range: vectors made otherwise must not be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from detector.compiled import CompiledCache
from detector.errors import WeightsError
from detector.imagery import Pixels
from detector.precision import Choice, Probe, faces_probe
from detector.runtime import Network, Tensor
from detector.signals import SignalId, SignalKind

ALIGNED = "yunet-2023mar.similarity-112-area"
"""How a crop comes about: whose landmarks, and onto which template."""

CHUNK = 8


class ChannelOrder(StrEnum):
    RGB = "rgb"
    BGR = "bgr"


@dataclass(frozen=True, slots=True)
class FaceNetwork:
    """A recogniser that takes (n, 3, 112, 112) crops, aligned by five landmarks.

    dimension: numbers in a vector. mean, std: a pixel of 0 to 255 goes in as (x - mean) / std. output: the
    output's name, None where there is only one. mirror: whether the mirrored crop is looked at too.
    """

    name: str
    revision: str
    dimension: int
    mean: float = 0.0
    std: float = 1.0
    order: ChannelOrder = ChannelOrder.RGB
    output: str | None = None
    mirror: bool = True

    @classmethod
    def described(cls, name: str, revision: str, fed: Mapping[str, Any]) -> FaceNetwork:
        """From the fields of a manifest. Raises TypeError or ValueError for what is none."""
        return cls(name, revision, **{**fed, "order": ChannelOrder(fed.get("order", ChannelOrder.RGB))})

    @property
    def signal(self) -> SignalId:
        """All that the vectors depend on. The plainest input, red first and 0 to 255, goes without saying."""
        plainest = (self.order, self.mean, self.std) == (ChannelOrder.RGB, 0.0, 1.0)
        fed = [] if plainest else [f"{self.order}-{self.mean:g}-{self.std:g}"]
        parts = [ALIGNED, *fed, *(["mirror-sum"] if self.mirror else [])]
        return SignalId(SignalKind.FACE, self.name, self.revision, ".".join(parts))


class Recogniser:
    """One network with its weights. Thread-safe. `pool` spreads large batches over the cores. `bfloat16`: it
    may run so where the vectors stay the same."""

    def __init__(
        self,
        network: FaceNetwork,
        model: Path,
        *,
        threads: int | None = None,
        cache: CompiledCache | None = None,
        bfloat16: bool = False,
    ) -> None:
        self.network = network
        self._model = model
        probe = Probe(self._ranged(faces_probe()), network.output) if bfloat16 else None
        self._session = Network(model, (-1, 3, 112, 112), threads=threads, cache=cache, probe=probe)

    @property
    def choice(self) -> Choice:
        """The precision it runs in, and why. Compiles it if it wasn't yet."""
        with self._fed():
            return self._session.choice

    def load(self) -> None:
        with self._fed():
            self._session.load()

    def plain(self, crops: Sequence[Pixels]) -> Tensor:
        """Outputs as the network gives them, without the mirror, not normalised: shape (n, dimension)."""
        with self._fed():
            outputs = self._session.run(self._blob(crops))
        return self._fitting(outputs, len(crops))

    def vectors(self, crops: Sequence[Pixels], pool: Executor | None = None) -> Tensor:
        """Unit vectors, shape (n, dimension), of aligned RGB crops (112, 112, 3), in their order."""
        return self._in_parts(self._mirrored if self.network.mirror else self._unmirrored, crops, pool)

    def outputs(self, crops: Sequence[Pixels]) -> Tensor:
        """The first pass: as `plain`, in parts. Its direction is enough to tell who is worth the second."""
        return self._in_parts(self.plain, crops, None)

    def completed(self, outputs: Tensor, crops: Sequence[Pixels]) -> Tensor:
        """What `vectors` gives, from the first pass of the same crops and the one that is missing."""
        if not self.network.mirror or not crops:
            return unit(outputs)
        return unit(outputs + self._in_parts(self.plain, [crop[:, ::-1] for crop in crops], None))

    def _unmirrored(self, crops: Sequence[Pixels]) -> Tensor:
        return unit(self.plain(crops))

    def _mirrored(self, crops: Sequence[Pixels]) -> Tensor:
        both = self.plain([*crops, *(crop[:, ::-1] for crop in crops)])
        return unit(both[: len(crops)] + both[len(crops) :])

    def _in_parts(
        self, look: Callable[[Sequence[Pixels]], Tensor], crops: Sequence[Pixels], pool: Executor | None
    ) -> Tensor:
        if not crops:
            return np.zeros((0, self.network.dimension), np.float32)
        parts = [crops[at : at + CHUNK] for at in range(0, len(crops), CHUNK)]
        spread: Callable[..., Iterable[Tensor]] = pool.map if pool is not None and len(parts) > 1 else map
        return np.concatenate(list(spread(look, parts)))

    def _blob(self, crops: Sequence[Pixels]) -> Tensor:
        """(n, 3, 112, 112) in the network's own channel order and range."""
        pixels = np.stack(crops)[..., :: -1 if self.network.order is ChannelOrder.BGR else 1]
        return self._ranged(pixels.transpose(0, 3, 1, 2).astype(np.float32))

    def _ranged(self, blob: Tensor) -> Tensor:
        network = self.network
        return blob if (network.mean, network.std) == (0.0, 1.0) else (blob - network.mean) / network.std

    @contextmanager
    def _fed(self) -> Iterator[None]:
        """A network of other crops, or of one at a time, fails inside OpenVINO: at loading or at the first run."""
        try:
            yield
        except RuntimeError as fault:
            last = str(fault).strip().splitlines()[-1]
            raise self._unfit(f"can't be run on crops of 112 x 112 ({last})") from fault

    def _fitting(self, outputs: Mapping[str, Tensor], count: int) -> Tensor:
        """The output that is the vector. Raises WeightsError when the file is not as it was described."""
        network = self.network
        name = network.output or next(iter(outputs))
        if name not in outputs:
            raise self._unfit(f"has the outputs {', '.join(outputs)}, but none named {name}")
        vectors = outputs[name].reshape(count, -1) if len(outputs[name]) == count else outputs[name]
        if vectors.shape != (count, network.dimension):
            raise self._unfit(f"gives {vectors.shape} for {count} crops, not {(count, network.dimension)}")
        return vectors

    def _unfit(self, why: str) -> WeightsError:
        return WeightsError(
            f"{self._model} {why}; correct the description of the face network {self.network.name}",
            code="network_unfit",
        )


def unit(vectors: Tensor) -> Tensor:
    """Each row with length one; a row of zeros stays zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)
