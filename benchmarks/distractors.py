"""Distractors of the copy benchmark: as many further references as asked for, from the training side of the split.

    index ─ picture, then seeded crop, colours, mirror ─▶ pixels ─ embed, once ─▶ vectors in a file

The first of every picture is the picture itself. Pixels are made anew whenever they are asked for, so that 100,000
cost no memory but their vectors. These are kept in files of chunks, so that a stopped run goes on where it was.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.copy_edits import Pixels
from training.bases import move_colours, random_crop, read_rgb
from training.pictures import BENCHMARK_SETS, training_pictures

CHUNK = 2000


class Distractors:
    """`count` pictures that nobody asks for."""

    def __init__(self, eval_dir: Path, count: int, seed: int, longer_side: int) -> None:
        pictures = training_pictures(eval_dir) if count else []
        self._files = [eval_dir / picture.file for picture in pictures if picture.set in BENCHMARK_SETS]
        self._count, self._seed, self._side = count, seed, longer_side

    def pixels(self, index: int) -> Pixels:
        """The same for the same index and seed."""
        turn, place = divmod(index, len(self._files))
        whole = read_rgb(self._files[place], self._side)
        if turn == 0:
            return whole
        rng = np.random.default_rng((self._seed, index))
        crop = move_colours(random_crop(whole, rng, 0.3), rng)
        return np.ascontiguousarray(crop[:, :: rng.choice((-1, 1))])

    def vectors(self, name: str, embed: Callable[[Pixels], np.ndarray], cache: Path | None) -> np.ndarray:
        """What `embed` gives of each, float32 [count, ...]; kept in `cache` in chunks where that is a folder."""
        parts = []
        for first in range(0, self._count, CHUNK):
            last = min(first + CHUNK, self._count)
            kept = None if cache is None else cache / f"{name}-{self._seed}-{first}-{last}.npy"
            if kept is not None and kept.exists():
                parts.append(np.load(kept))
                continue
            parts.append(np.stack([embed(self.pixels(index)) for index in range(first, last)]))
            if kept is not None:
                np.save(kept, parts[-1])
        return np.concatenate(parts)
