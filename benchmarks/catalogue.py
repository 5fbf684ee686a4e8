"""Pictures of the size and kind that shops and agencies have, made of the evaluation pictures, to measure speed on.

    python -m benchmarks.catalogue ../shared/eval FOLDER [--pictures 1000] [--seed 7]

Each picture is a canvas whose longer side has 600 to 1,500 pixels: a person or a garment enlarged or reduced to fill
it, the same on a plain background as in a shop's listing, or two side by side. All are saved as JPEG. The people in
them are those of the evaluation pictures, so the folder is thrown away with the run and never committed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

PEOPLE = ("fashion_tryon", "identity_deepface", "identity_celebbasis", "aigen_nobody")
GARMENTS = ("clothing",)
GARMENT_SHARE = 0.25
SIDES = (600, 1500)
SHAPES = ((3, 4), (2, 3), (4, 5), (1, 1))
QUALITIES = (82, 88, 93)
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")

Size = tuple[int, int]


def make_catalogue(source: Path, folder: Path, count: int, seed: int) -> list[Path]:
    """`count` pictures in `folder`, the same for the same seed; their paths in order."""
    rng = np.random.default_rng(seed)
    people, garments = (_pictures(source, names) for names in (PEOPLE, GARMENTS))
    folder.mkdir(parents=True, exist_ok=True)
    return [_make(folder / f"{number:05d}.jpg", people, garments, rng) for number in range(count)]


def _pictures(source: Path, names: Sequence[str]) -> list[Path]:
    found = (path for name in names for path in (source / name).rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(found)


def _make(path: Path, people: Sequence[Path], garments: Sequence[Path], rng: np.random.Generator) -> Path:
    shown = garments if rng.random() < GARMENT_SHARE else people
    layout = LAYOUTS[rng.choice(len(LAYOUTS), p=(0.5, 0.35, 0.15))]
    chosen = [_opened(shown[rng.integers(len(shown))], rng) for _ in range(2)]
    picture = layout(chosen, _canvas(rng), rng)
    picture.save(path, quality=int(rng.choice(QUALITIES)))
    return path


def _opened(path: Path, rng: np.random.Generator) -> Image.Image:
    with Image.open(path) as file:
        picture = ImageOps.exif_transpose(file).convert("RGB")
    return ImageOps.mirror(picture) if rng.random() < 0.5 else picture


def _canvas(rng: np.random.Generator) -> Size:
    longer = int(rng.integers(SIDES[0], SIDES[1] + 1))
    across, down = SHAPES[rng.integers(len(SHAPES))]
    return round(longer * across / down), longer


def _filling(pictures: Sequence[Image.Image], size: Size, rng: np.random.Generator) -> Image.Image:
    return ImageOps.fit(pictures[0], size, Image.Resampling.BICUBIC, centering=(0.5, 0.3 * rng.random()))


def _on_plain(pictures: Sequence[Image.Image], size: Size, rng: np.random.Generator) -> Image.Image:
    shade = int(rng.integers(225, 256))
    canvas = Image.new("RGB", size, (shade, shade, shade))
    share = 0.6 + 0.35 * rng.random()
    shown = ImageOps.contain(
        pictures[0], (int(size[0] * share), int(size[1] * share)), Image.Resampling.BICUBIC
    )
    left, top = (size[0] - shown.width) // 2, (size[1] - shown.height) // 2
    canvas.paste(shown, (left, top))
    return canvas


def _side_by_side(pictures: Sequence[Image.Image], size: Size, _rng: np.random.Generator) -> Image.Image:
    half = (size[0] // 2, size[1])
    canvas = Image.new("RGB", size, "white")
    for at, picture in enumerate(pictures):
        canvas.paste(
            ImageOps.fit(picture, half, Image.Resampling.BICUBIC, centering=(0.5, 0.2)), (at * half[0], 0)
        )
    return canvas


LAYOUTS: tuple[Callable[[Sequence[Image.Image], Size, np.random.Generator], Image.Image], ...] = (
    _filling,
    _on_plain,
    _side_by_side,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("source", type=Path, help="the evaluation pictures")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    made = make_catalogue(options.source, options.folder, options.pictures, options.seed)
    print(f"{len(made)} pictures in {options.folder} (seed {options.seed})")


if __name__ == "__main__":
    main()
