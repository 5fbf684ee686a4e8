"""Distillation: `train` draws views of bases, steps the student, keeps a running mean of its weights, saves.

A run is bounded by minutes of work (time in which it was halted doesn't count): warm-up, constant rate, and a
linear fall. The early stages keep their weights and run in OpenVINO, which makes steps several times faster; the
late parts are trained. SIGTERM ends a run in order; after any stop it goes on from `checkpoint.pt` with new
minutes. `log.jsonl` gets a line every fifty steps and one per measurement on held-out pictures.
"""

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from threading import Event

import cv2
import numpy as np
import openvino as ov
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, IterableDataset

from training.bases import Bases, squash
from training.head import fit_head
from training.initial import start_from
from training.losses import Bank, centred, distillation_terms
from training.tower import MEAN, SIDE, STD, Early, build, late_parts, pooled
from training.views import Pixels, edited_view, mild_view


@dataclass(frozen=True)
class Options:
    """A run's settings; they are logged and kept in the checkpoint."""

    minutes: float
    batch: int = 32
    edited: int = 2
    rate: float = 1e-3
    head_batches: int = 50
    weight_decay: float = 0.05
    temperature: float = 0.05
    running_mean: float = 0.998
    side: int = SIDE
    seed: int = 1
    threads: int = 2
    save_minutes: float = 4.0
    measure_minutes: float = 12.0


class Views(IterableDataset[tuple[Tensor, int]]):
    """Endless views of bases, uint8 [1 + edited, 3, side, side], the mild one first, with the row of their base."""

    def __init__(self, bases: Bases, options: Options, seed: int) -> None:
        self._bases, self._side, self._edited, self._seed = bases, options.side, options.edited, seed

    def __iter__(self) -> Iterator[tuple[Tensor, int]]:
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng((self._seed, worker.id if worker else 0))
        torch.set_num_threads(1)
        cv2.setNumThreads(0)
        while True:
            rows = rng.integers(len(self._bases.pixels), size=4)
            base, *others = (self._bases.pixels[row] for row in rows)
            edited = [edited_view(base, others, rng, self._side) for _ in range(self._edited)]
            views = [mild_view(base, rng, self._side), *edited]
            yield torch.stack([_tensor(each) for each in views]), int(rows[0])


class Run:
    """The student, the running mean of its weights, its optimiser, and how far it is."""

    def __init__(self, options: Options, initial: Path | None = None) -> None:
        torch.manual_seed(options.seed)
        self.student = build().visual.to(memory_format=torch.channels_last)
        if initial is not None:
            start_from(self.student, initial)
        self.late = late_parts(self.student)
        update = partial(_follow, options.running_mean)
        self.mean = AveragedModel(self.student, multi_avg_fn=update, use_buffers=True)
        self.optimiser = torch.optim.AdamW(_groups(self.late, options.weight_decay), lr=options.rate)
        self.step, self.views = 0, 0

    def save(self, path: Path, options: Options) -> None:
        """Write the state beside `path`, then move it there: a stop never leaves half a file."""
        state = {
            "student": self.student.state_dict(),
            "mean": self.mean.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "views": self.views,
            "options": asdict(options),
        }
        unfinished = path.with_suffix(".partial")
        torch.save(state, unfinished)
        unfinished.replace(path)

    def restore(self, path: Path) -> None:
        """Go on from a saved state."""
        state = torch.load(path, weights_only=True)
        self.student.load_state_dict(state["student"])
        self.mean.load_state_dict(state["mean"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.views = state["step"], state["views"]


def train(bases: Bases, held_out: Pixels, work: Path, initial: Path | None, options: Options) -> Run:
    """Train for `options.minutes` from the checkpoint in `work`; without one from `initial`, or from nothing."""
    torch.set_num_threads(options.threads)
    run, checkpoint = Run(options, initial), work / "checkpoint.pt"
    if checkpoint.exists():
        run.restore(checkpoint)
    log = _Log(work / "log.jsonl")
    log.write({"start": asdict(options), "step": run.step, "views": run.views, "bases": len(bases.targets)})
    bank = Bank(centred(torch.from_numpy(bases.targets)), torch.from_numpy(bases.sources).long())
    dataset = Views(bases, options, options.seed + run.step)
    loader = iter(DataLoader(dataset, batch_size=options.batch, num_workers=1, prefetch_factor=4))
    early = EarlyStages(run.student, options.side, options.threads)
    if run.step == 0 and options.head_batches:
        fit_head(run.student, (_features(batch, early) for batch in loader), options.head_batches, bank)
        log.write({"step": 0, **measure(run.student, early, held_out, options)})
    _loop(run, loader, early, bank, held_out, work, log, options)
    run.save(checkpoint, options)
    log.write({"end": run.step, **measure(run.mean.module, early, held_out, options)})
    return run


def _loop(
    run: Run,
    loader: Iterator[list[Tensor]],
    early: "EarlyStages",
    bank: Bank,
    held_out: Pixels,
    work: Path,
    log: "_Log",
    options: Options,
) -> None:
    ended = Event()
    before = signal.signal(signal.SIGTERM, lambda *_: ended.set())
    clock = _Clock()
    saved = measured = 0.0
    while clock.minutes < options.minutes and not ended.is_set():
        terms = _step(run, *_features(next(loader), early), bank, clock.minutes / options.minutes, options)
        clock.tick()
        if run.step % 50 == 0:
            rate = round(run.optimiser.param_groups[0]["lr"], 6)
            log.write({"step": run.step, "minutes": round(clock.minutes, 2), "rate": rate, **terms})
        if clock.minutes - saved > options.save_minutes:
            run.save(work / "checkpoint.pt", options)
            saved = clock.minutes
        if clock.minutes - measured > options.measure_minutes:
            log.write({"step": run.step, **measure(run.mean.module, early, held_out, options)})
            measured = clock.minutes
    signal.signal(signal.SIGTERM, before)


class _Clock:
    """Minutes of work: a step that took longer than half a minute was halted for the rest of it."""

    def __init__(self) -> None:
        self.minutes, self._last = 0.0, time.monotonic()

    def tick(self) -> None:
        now = time.monotonic()
        self.minutes += min(30.0, now - self._last) / 60
        self._last = now


def _step(
    run: Run, features: Tensor, rows: Tensor, bank: Bank, progress: float, options: Options
) -> dict[str, float]:
    for group in run.optimiser.param_groups:
        group["lr"] = options.rate * rate_factor(progress, run.step)
    run.late.train()
    vectors = _vectors(run.student, features)
    mild, edited = vectors[: options.batch], vectors[options.batch :]
    terms = distillation_terms(mild, edited, rows[: options.batch], bank, options.temperature)
    loss = (
        terms["cosine_mild"]
        + terms["cosine_edited"]
        + terms["bank"]
        + terms["relations"]
        + 0.5 * terms["views"]
    )
    run.optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(run.late.parameters(), 5.0)
    run.optimiser.step()
    run.mean.update_parameters(run.student)
    run.step, run.views = run.step + 1, run.views + len(rows)
    return {name: round(float(term.detach()), 4) for name, term in terms.items()}


def _features(batch: list[Tensor], early: "EarlyStages") -> tuple[Tensor, Tensor]:
    """Early features and rows of a batch: all mild views, then all first edited ones, and so on."""
    views, rows = batch
    return early(normalised(views.transpose(0, 1).flatten(0, 1))), rows.repeat(views.shape[1])


def _vectors(student: nn.Module, features: Tensor) -> Tensor:
    return functional.normalize(student.trunk.classifier(pooled(student, features)), dim=1)


class EarlyStages:
    """The student's early stages in OpenVINO, float32."""

    def __init__(self, student: nn.Module, side: int, threads: int) -> None:
        part = Early(student).eval().requires_grad_(requires_grad=False)
        example = torch.zeros(2, 3, side, side)
        model = ov.convert_model(part, example_input=example, input=[-1, 3, side, side])
        options = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
        self._request = ov.Core().compile_model(model, "CPU", options).create_infer_request()

    def __call__(self, inputs: Tensor) -> Tensor:
        """Features of network inputs [b, 3, side, side]."""
        found = next(iter(self._request.infer([inputs.contiguous().numpy()]).values()))
        return torch.from_numpy(np.array(found)).contiguous(memory_format=torch.channels_last)


def rate_factor(progress: float, step: int) -> float:
    """Warm-up over the first 50 steps, constant, then a linear fall to 1 % over the last seven tenths of the time."""
    fall = max(0.01, min(1.0, (1 - progress) / 0.7))
    return min(1.0, (step + 1) / 50) * fall


def normalised(pixels: Tensor) -> Tensor:
    """Network input of uint8 pictures [b, 3, side, side]."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return (pixels.float() / 255 - mean) / std


@torch.inference_mode()
def measure(student: nn.Module, early: "EarlyStages", held_out: Pixels, options: Options) -> dict[str, float]:
    """Recall at 1 and 20 of edited views among held-out pictures, uint8 [n, 224, 224, 3]: a guide, not the benchmark."""
    rng, student = np.random.default_rng(options.seed), student.eval()
    plain = [squash(each) for each in held_out]
    edited = [
        edited_view(each, held_out[rng.integers(len(held_out), size=3)], rng, options.side) for each in plain
    ]
    references = _embed(student, early, [mild_view(each, rng, options.side) for each in plain])
    scores = _embed(student, early, edited) @ references.T
    rank = (scores > scores.diagonal()[:, None]).sum(1)
    return {f"recall_at_{k}": round(float((rank < k).float().mean()), 4) for k in (1, 20)}


def _embed(student: nn.Module, early: "EarlyStages", pictures: list[Pixels]) -> Tensor:
    batches = torch.stack([_tensor(each) for each in pictures]).split(64)
    return torch.cat([_vectors(student, early(normalised(batch))) for batch in batches])


def _tensor(pixels: Pixels) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def _groups(late: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Decay for matrices and kernels only, not for biases and norms."""
    matrices = [weight for weight in late.parameters() if weight.ndim > 1]
    vectors = [weight for weight in late.parameters() if weight.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]


@torch.no_grad()
def _follow(slowest: float, means: list[Tensor], weights: list[Tensor], updates: Tensor) -> None:
    """Move the running means; quickly at first, so that a short run's mean isn't its beginning."""
    count = int(updates)
    kept = min(slowest, (1 + count) / (10 + count))
    for mean, weight in zip(means, weights, strict=True):
        if mean.is_floating_point():
            mean.lerp_(weight, 1 - kept)
        else:
            mean.copy_(weight)


class _Log:
    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, entry: dict[str, object]) -> None:
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(entry) + "\n")
        print(entry, flush=True)
