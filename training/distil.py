"""Distillation: `train` draws views of bases, steps the student, keeps a running mean of its weights, saves.

A run is bounded by minutes of work (time in which it was halted doesn't count): warm-up, constant rate, and a
linear fall over the last third. SIGTERM ends it in order; after any stop it goes on from `checkpoint.pt` with new
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

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, IterableDataset

from training.bases import Bases, squash
from training.losses import Bank, centred, distillation_terms
from training.tower import MEAN, SIDE, STD, build
from training.views import Pixels, edited_view, mild_view


@dataclass(frozen=True)
class Options:
    """A run's settings; they are logged and kept in the checkpoint."""

    minutes: float
    batch: int = 64
    rate: float = 2e-3
    weight_decay: float = 0.05
    temperature: float = 0.05
    running_mean: float = 0.998
    side: int = SIDE
    seed: int = 1
    threads: int = 2
    save_minutes: float = 4.0
    measure_minutes: float = 12.0


class Views(IterableDataset[tuple[Tensor, Tensor, int]]):
    """Endless pairs of views (mild, edited), uint8 [3, side, side], with the row of their base."""

    def __init__(self, bases: Bases, side: int, seed: int) -> None:
        self._bases, self._side, self._seed = bases, side, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, int]]:
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng((self._seed, worker.id if worker else 0))
        torch.set_num_threads(1)
        while True:
            rows = rng.integers(len(self._bases.pixels), size=4)
            base, *others = (self._bases.pixels[row] for row in rows)
            mild = mild_view(base, rng, self._side)
            edited = edited_view(base, others, rng, self._side)
            yield _tensor(mild), _tensor(edited), int(rows[0])


class Run:
    """The student, the running mean of its weights, its optimiser, and how far it is."""

    def __init__(self, options: Options) -> None:
        torch.manual_seed(options.seed)
        self.student = build().visual.to(memory_format=torch.channels_last)
        update = partial(_follow, options.running_mean)
        self.mean = AveragedModel(self.student, multi_avg_fn=update, use_buffers=True)
        self.optimiser = torch.optim.AdamW(_groups(self.student, options.weight_decay), lr=options.rate)
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


def train(bases: Bases, held_out: Pixels, work: Path, options: Options) -> Run:
    """Train for `options.minutes`, going on from the checkpoint in `work` when there is one."""
    torch.set_num_threads(options.threads)
    run, checkpoint = Run(options), work / "checkpoint.pt"
    if checkpoint.exists():
        run.restore(checkpoint)
    log = _Log(work / "log.jsonl")
    log.write({"start": asdict(options), "step": run.step, "views": run.views, "bases": len(bases.targets)})
    bank = Bank(centred(torch.from_numpy(bases.targets)), torch.from_numpy(bases.sources).long())
    dataset = Views(bases, options.side, options.seed + run.step)
    loader = iter(DataLoader(dataset, batch_size=options.batch, num_workers=2, prefetch_factor=4))
    _loop(run, loader, bank, held_out, work, log, options)
    run.save(checkpoint, options)
    log.write({"end": run.step, **measure(run.mean.module, held_out, options)})
    return run


def _loop(
    run: Run,
    loader: Iterator[list[Tensor]],
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
        terms = _step(run, next(loader), bank, clock.minutes / options.minutes, options)
        clock.tick()
        if run.step % 50 == 0:
            rate = round(run.optimiser.param_groups[0]["lr"], 6)
            log.write({"step": run.step, "minutes": round(clock.minutes, 2), "rate": rate, **terms})
        if clock.minutes - saved > options.save_minutes:
            run.save(work / "checkpoint.pt", options)
            saved = clock.minutes
        if clock.minutes - measured > options.measure_minutes:
            log.write({"step": run.step, **measure(run.mean.module, held_out, options)})
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


def _step(run: Run, batch: list[Tensor], bank: Bank, progress: float, options: Options) -> dict[str, float]:
    mild, edited, rows = batch
    for group in run.optimiser.param_groups:
        group["lr"] = options.rate * rate_factor(progress, run.step)
    run.student.train()
    vectors = functional.normalize(run.student(normalised(torch.cat((mild, edited)))), dim=1)
    terms = distillation_terms(*vectors.chunk(2), rows, bank, options.temperature)
    loss = (
        terms["cosine_mild"]
        + terms["cosine_edited"]
        + terms["bank"]
        + terms["relations"]
        + 0.5 * terms["views"]
    )
    run.optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(run.student.parameters(), 5.0)
    run.optimiser.step()
    run.mean.update_parameters(run.student)
    run.step, run.views = run.step + 1, run.views + 2 * len(rows)
    return {name: round(float(term.detach()), 4) for name, term in terms.items()}


def rate_factor(progress: float, step: int) -> float:
    """Warm-up over the first 50 steps, constant, then a linear fall to 2 % over the last third of the time."""
    fall = max(0.02, min(1.0, (1 - progress) / 0.35))
    return min(1.0, (step + 1) / 50) * fall


def normalised(pixels: Tensor) -> Tensor:
    """Network input of uint8 pictures [b, 3, side, side]."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return ((pixels.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def measure(student: nn.Module, held_out: Pixels, options: Options) -> dict[str, float]:
    """Recall at 1 and 20 of edited views among held-out pictures, uint8 [n, 224, 224, 3]: a guide, not the benchmark."""
    rng, student = np.random.default_rng(options.seed), student.eval()
    plain = [squash(each) for each in held_out]
    edited = [
        edited_view(each, held_out[rng.integers(len(held_out), size=3)], rng, options.side) for each in plain
    ]
    references = _embed(student, [mild_view(each, rng, options.side) for each in plain])
    scores = _embed(student, edited) @ references.T
    rank = (scores > scores.diagonal()[:, None]).sum(1)
    return {f"recall_at_{k}": round(float((rank < k).float().mean()), 4) for k in (1, 20)}


def _embed(student: nn.Module, pictures: list[Pixels]) -> Tensor:
    batches = torch.stack([_tensor(each) for each in pictures]).split(64)
    return torch.cat([functional.normalize(student(normalised(batch)), dim=1) for batch in batches])


def _tensor(pixels: Pixels) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def _groups(student: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Decay for matrices and kernels only, not for biases and norms."""
    matrices = [weight for weight in student.parameters() if weight.ndim > 1]
    vectors = [weight for weight in student.parameters() if weight.ndim <= 1]
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
