"""From a checkpoint to what the project loads: an open_clip folder, and proof that it is the same network.

    open_clip_config.json, open_clip_model.safetensors   float16 weights of the running mean

`export` writes them; `agreement` loads them back through open_clip's `local-dir:`, converts the picture side to
OpenVINO and compares the two on real pictures; `milliseconds` times the converted one on one core.
"""

import json
import time
from pathlib import Path

import numpy as np
import open_clip
import openvino as ov
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from training.bases import read_rgb
from training.tower import CONFIG, PREPROCESS, SIDE, build

WEIGHTS, CONFIGURATION = "open_clip_model.safetensors", "open_clip_config.json"


def export(checkpoint: Path, folder: Path) -> Path:
    """Write the open_clip folder of a checkpoint; returns the weights' path."""
    folder.mkdir(parents=True, exist_ok=True)
    model = _model_of(checkpoint)
    weights = {name: _stored(value) for name, value in model.state_dict().items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    configuration = {"model_cfg": CONFIG, "preprocess_cfg": PREPROCESS}
    (folder / CONFIGURATION).write_text(json.dumps(configuration, indent=2) + "\n", encoding="utf-8")
    return folder / WEIGHTS


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
    """Least cosine between open_clip in torch and OpenVINO (float32) over the pictures."""
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    inputs = torch.stack([preprocess(_picture(path)) for path in pictures])
    with torch.inference_mode():
        expected = nn.functional.normalize(model.eval().encode_image(inputs), dim=1).numpy()
    request = compiled(model).create_infer_request()
    found = np.stack([_unit(_infer(request, each)) for each in inputs.numpy()])
    return float((expected * found).sum(1).min())


def _picture(path: Path) -> Image.Image:

    return Image.fromarray(read_rgb(path))


def compiled(model: nn.Module, threads: int = 1) -> ov.CompiledModel:
    """The picture side in OpenVINO, float32, one picture at a time."""
    example = torch.zeros(1, 3, SIDE, SIDE)
    converted = ov.convert_model(model.visual.eval(), example_input=example, input=[1, 3, SIDE, SIDE])
    options = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    return ov.Core().compile_model(converted, "CPU", options)


def _infer(request: ov.InferRequest, chosen: np.ndarray) -> np.ndarray:
    return np.array(next(iter(request.infer([chosen[None]]).values()))[0])


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def milliseconds(folder: Path, repeats: int = 100) -> tuple[float, float]:
    """Least and median time of one picture on one core."""
    model = open_clip.create_model(f"local-dir:{folder}")
    request, chosen = compiled(model).create_infer_request(), np.zeros((3, SIDE, SIDE), np.float32)
    times = [_timed(request, chosen) for _ in range(repeats)][10:]
    return min(times), float(np.median(times))


def _timed(request: ov.InferRequest, chosen: np.ndarray) -> float:
    start = time.perf_counter()
    _infer(request, chosen)
    return 1000 * (time.perf_counter() - start)
