"""open_clip's ViT-B-32 through our runtime, beside torch on the same pictures in the same run.

    python -m benchmarks.clip_speed [--model ViT-B-32] [--pictures 64] [--rounds 5] [--seed 7]

Needs the extra `clip`. The weights are random: speed does not depend on them, and the smallest cosine between both says
whether the same is computed. Both take turns, batches of 16, torch with all cores for a batch, ours a batch a core;
the figure is the median over the rounds of pictures a second. Preprocessing is the same and is left out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.figures import Figure, Result, machine_name
from detector.embedding import BATCH, _openvino_tower, _torch_tower
from detector.faces.recogniser import unit
from detector.runtime import Tensor, cores

Embed = Callable[[Sequence[Tensor]], Tensor]


def main() -> None:
    options = _options()
    import open_clip  # noqa: PLC0415 - the optional dependency
    import torch  # noqa: PLC0415 - as above

    print(
        f"machine: {machine_name()}; torch {torch.__version__}, open_clip {open_clip.__version__}; "
        f"options: {vars(options)}"
    )
    torch.manual_seed(options.seed)
    torch.set_num_threads(cores())
    model = open_clip.create_model(options.model, pretrained=None).eval()
    side = open_clip.get_model_config(options.model)["vision_cfg"]["image_size"]
    pictures = np.random.default_rng(options.seed).normal(size=(options.pictures, 3, side, side))
    batches = [
        batch.astype(np.float32) for batch in np.split(pictures, range(BATCH, options.pictures, BATCH))
    ]
    peer = _torch_tower(model)
    ours = _openvino_tower(model, batches[0][:3], None, bfloat16=True)
    if ours is None:
        raise SystemExit("the tower could not be traced")
    print(f"ours runs in {ours.choice.precision}: {ours.choice.why}")
    with ThreadPoolExecutor(cores()) as pool:
        runs: dict[str, Embed] = {
            "torch": lambda parts: np.concatenate([peer(part) for part in parts]),
            "ours": lambda parts: np.concatenate(list(pool.map(ours.tower, parts))),
        }
        _report(options, *_measured(runs, batches, options.rounds))


def _measured(
    runs: dict[str, Embed], batches: Sequence[Tensor], rounds: int
) -> tuple[dict[str, float], dict[str, float], float]:
    """Pictures a second and processor milliseconds a picture of each, and the smallest cosine between them."""
    vectors = {name: unit(embed(batches)) for name, embed in runs.items()}
    count = sum(map(len, batches))
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    processor: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, embed in runs.items():
            began, spent = time.perf_counter(), time.process_time()
            embed(batches)
            seconds[name].append(time.perf_counter() - began)
            processor[name].append(time.process_time() - spent)
    rates = {name: count / median(taken) for name, taken in seconds.items()}
    costs = {name: 1000 * median(taken) / count for name, taken in processor.items()}
    return rates, costs, float((vectors["ours"] * vectors["torch"]).sum(axis=1).min())


def _report(
    options: argparse.Namespace, rates: dict[str, float], costs: dict[str, float], cosine: float
) -> None:
    for name, rate in rates.items():
        print(f"{name:6s} {rate:7.1f} pictures a second, {costs[name]:6.1f} ms of a processor each")
    times = rates["ours"] / rates["torch"]
    print(
        f"ours is {times:.2f} times as fast, {costs['torch'] / costs['ours']:.2f} by processor time; "
        f"smallest cosine {cosine:.6f}"
    )
    if options.json:
        Result.of(
            "clip_speed",
            options,
            [
                Figure(f"{options.model}: times torch's speed", times, "x", goal=2.5),
                Figure("pictures a second", rates["ours"], "/s", peer=rates["torch"], peer_name="torch"),
                Figure("smallest cosine to torch", cosine, "", goal=0.999),
            ],
        ).write(options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="ViT-B-32", help="an architecture of open_clip")
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
