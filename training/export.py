"""From a checkpoint to what the project loads: an open_clip folder, and proof that it is the same network.

    open_clip_config.json, open_clip_model.safetensors   float16 weights of the running mean

`export` writes them; `agreement` loads them back through open_clip's `local-dir:` and compares them on real pictures
with what `detector.images.tower` builds from the same file without torch; `milliseconds` times that on one core.
"""

import json
import time
from pathlib import Path

import cv2
import numpy as np
import open_clip
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from detector.images.square import SquareNetwork
from detector.images.tower import CONFIGURATION, FILE, open_tower
from training.bases import read_rgb
from training.distil import normalised
from training.tower import CONFIG, PREPROCESS, SIDE, build

AREA = cv2.INTER_AREA


def export(checkpoint: Path, folder: Path) -> Path:
    """Write the open_clip folder of a checkpoint; returns the weights' path."""
    folder.mkdir(parents=True, exist_ok=True)
    model = _model_of(checkpoint)
    weights = {name: _stored(value) for name, value in model.state_dict().items()}
    save_file(weights, folder / FILE, metadata={"format": "pt"})
    configuration = {"model_cfg": CONFIG, "preprocess_cfg": PREPROCESS}
    (folder / CONFIGURATION).write_text(json.dumps(configuration, indent=2) + "\n", encoding="utf-8")
    return folder / FILE


def _model_of(checkpoint: Path) -> nn.Module:
    torch.manual_seed(0)  # the text side is never trained: the same bytes at every export
    model = build()
    mean = torch.load(checkpoint, weights_only=True)["mean"]
    prefix = "module."
    student = {name[len(prefix) :]: value for name, value in mean.items() if name.startswith(prefix)}
    model.visual.load_state_dict(student)
    return model.eval()


def _stored(value: Tensor) -> Tensor:
    return value.half().contiguous() if value.is_floating_point() else value.contiguous()


def agreement(folder: Path, pictures: list[Path]) -> float:
    """Least cosine over the pictures between open_clip in torch and what the project runs, on the same pixels."""
    model = open_clip.create_model(f"local-dir:{folder}").eval()
    squashed = np.stack([cv2.resize(read_rgb(path), (SIDE, SIDE), interpolation=AREA) for path in pictures])
    with torch.inference_mode():
        inputs = normalised(torch.from_numpy(squashed).permute(0, 3, 1, 2))
        expected = nn.functional.normalize(model.encode_image(inputs), dim=1).numpy()
    found = open_tower(folder, threads=1).vectors(list(squashed))
    return float((expected * found).sum(1).min())


def milliseconds(folder: Path, repeats: int = 100) -> tuple[float, float]:
    """Least and median time of one picture on one core, squashed before."""
    runs, picture = open_tower(folder, threads=1), np.zeros((SIDE, SIDE, 3), np.uint8)
    times = [_timed(runs, picture) for _ in range(repeats)][10:]
    return min(times), float(np.median(times))


def _timed(runs: SquareNetwork, picture: np.ndarray) -> float:
    start = time.perf_counter()
    runs.vectors([picture])
    return 1000 * (time.perf_counter() - start)
