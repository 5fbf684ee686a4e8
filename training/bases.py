"""What the teacher sees, once: base pictures and their embeddings, kept as arrays in the work folder.

Every training picture gives three bases: itself; a crop of it with its colours moved; and a crop or a collage with
other pictures. Each is a picture of its own to the teacher, so a few thousand files give many points of what
it knows. The student later sees only edited views of bases (`training.views`).

    bases.npy    uint8 [n, 224, 224, 3], RGB, squashed
    targets.npy  float32 [n, 512], unit vectors (NaN where not embedded yet: a stopped run goes on there)

Rows come in threes, in the order of the training pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from training.pictures import training_pictures
from training.teacher import Pixels, Teacher

BASE_SIDE = 224
BASES_PER_PICTURE = 3
TARGET_SIZE = 512


@dataclass(frozen=True)
class Bases:
    """Bases, their targets and sources, row by row; `pixels` is a memory map."""

    pixels: np.ndarray
    targets: np.ndarray
    sources: np.ndarray


def read_rgb(path: Path, at_most: int = 640) -> Pixels:
    """Decoded picture, its longer side reduced to `at_most`."""
    with Image.open(path) as picture:
        picture.draft("RGB", (at_most, at_most))
        rgb = picture.convert("RGB")
    rgb.thumbnail((at_most, at_most))
    return np.asarray(rgb)


def random_crop(pixels: Pixels, rng: np.random.Generator, smallest: float) -> Pixels:
    """A crop of `smallest` to all of the area, with the aspect moved by up to a third."""
    height, width = pixels.shape[:2]
    area, stretch = rng.uniform(smallest, 1.0), np.exp(rng.uniform(-0.3, 0.3))
    tall = max(8, round(height * min(1.0, np.sqrt(area) * stretch)))
    wide = max(8, round(width * min(1.0, np.sqrt(area) / stretch)))
    top, left = rng.integers(height - tall + 1), rng.integers(width - wide + 1)
    return pixels[top : top + tall, left : left + wide]


def move_colours(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Gains per channel, a gamma and, one time in four, the channels in another order."""
    gains, gamma = rng.uniform(0.75, 1.25, 3), np.exp(rng.uniform(-0.4, 0.4))
    table = 255 * (np.arange(256) / 255)[:, None] ** gamma * gains
    order = rng.permutation(3) if rng.random() < 0.25 else np.arange(3)
    lookup = np.clip(table, 0, 255).astype(np.uint8)[None]
    return cv2.LUT(np.ascontiguousarray(pixels[..., order]), lookup)


def squash(pixels: Pixels) -> Pixels:
    """The picture as a square of `BASE_SIDE`."""
    return cv2.resize(pixels, (BASE_SIDE, BASE_SIDE), interpolation=cv2.INTER_AREA)


def collage(pictures: Sequence[Pixels], rng: np.random.Generator) -> Pixels:
    """Two pictures side by side or on top of each other, parted at a random line."""
    first, second = (squash(random_crop(each, rng, 0.4)) for each in pictures)
    line = int(rng.uniform(0.3, 0.7) * BASE_SIDE)
    mixed = first.copy()
    mixed[line:] = cv2.resize(second, (BASE_SIDE, BASE_SIDE - line))
    return mixed if rng.random() < 0.5 else np.ascontiguousarray(mixed.transpose(1, 0, 2))


def bases_of(pixels: Pixels, other: Pixels, rng: np.random.Generator) -> list[Pixels]:
    """The three bases of one picture."""
    crop = squash(move_colours(random_crop(pixels, rng, 0.3), rng))
    mixed = collage((pixels, other), rng) if rng.random() < 0.4 else squash(random_crop(pixels, rng, 0.15))
    third = move_colours(mixed[:, :: rng.choice((-1, 1))], rng)
    return [squash(pixels), crop, third]


def prepare(eval_dir: Path, work: Path, teacher: Teacher, at_most: int, seed: int) -> Bases:
    """Make what is missing of the arrays in `work`, for the first `at_most` training pictures, and open them."""
    files = [eval_dir / picture.file for picture in training_pictures(eval_dir)]
    count = BASES_PER_PICTURE * len(files)
    pixels = _array(work / "bases.npy", (count, BASE_SIDE, BASE_SIDE, 3), np.uint8, 0)
    targets = _array(work / "targets.npy", (count, TARGET_SIZE), np.float32, np.nan)
    missing = [at for at in range(min(at_most, len(files))) if np.isnan(targets[BASES_PER_PICTURE * at, 0])]
    for done, at in enumerate(missing):
        _fill(files, at, pixels, targets, teacher, seed)
        if done % 500 == 0:
            print(f"bases: {done} of {len(missing)} missing pictures", flush=True)
    return open_bases(work)


def open_bases(work: Path) -> Bases:
    """What `prepare` has made so far; the pixels stay in their file."""
    targets = np.load(work / "targets.npy")
    made = BASES_PER_PICTURE * int((~np.isnan(targets[::BASES_PER_PICTURE, 0])).sum())  # made in order
    sources = np.arange(made, dtype=np.int32) // BASES_PER_PICTURE
    return Bases(np.load(work / "bases.npy", mmap_mode="r")[:made], targets[:made], sources)


def _array(path: Path, shape: tuple[int, ...], dtype: type, empty: float) -> np.ndarray:
    if path.exists():
        return np.load(path, mmap_mode="r+")
    array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    if empty:
        array[:] = empty
    return array


def _fill(
    files: Sequence[Path], at: int, pixels: np.ndarray, targets: np.ndarray, teacher: Teacher, seed: int
) -> None:
    rng = np.random.default_rng((seed, at))
    other = files[rng.integers(len(files))]
    made = bases_of(read_rgb(files[at]), read_rgb(other), rng)
    vectors = [teacher.embed(each) for each in made]
    for slot in reversed(range(BASES_PER_PICTURE)):  # the first target last: it marks the picture as done
        pixels[BASES_PER_PICTURE * at + slot] = made[slot]
        targets[BASES_PER_PICTURE * at + slot] = vectors[slot]
