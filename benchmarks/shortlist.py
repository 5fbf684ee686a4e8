"""What the shortlist of copies loses in a large registry: recall among references and more and more distractors.

    python -m benchmarks.shortlist ../shared/eval sscd.onnx [--side 160 | --tower FOLDER] [--distractors 20000]

References and the originals of the edited copies are of the held-out side of `training.pictures`' split. Distractors are
pictures of the training side, each cropped, perhaps mirrored, its colours moved: several of each file. Every picture
is embedded with its panels, as the product does. Where N distractors were embedded, the figures for more are estimated:
ranks grow in proportion to the registry, so recall@20 among ten times as many is recall@2 among these.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibrate_images import BYSTANDERS, LONGER_SIDE, Floats, copies_of, embedded, similarities
from benchmarks.copy_edits import EDITS, Pixels
from benchmarks.figures import heading
from data.weights import manifest
from detector.extractor import Embedder
from detector.images.square import SSCD_SIDES, SquareNetwork, sscd
from detector.images.tower import open_tower
from training.bases import move_colours, random_crop, read_rgb
from training.pictures import held_out_pictures, training_pictures

LISTED = 20
CHUNK = 256
SMALLEST_CROP = 0.4
ESTIMATED = 100_000


def main() -> None:
    options = _options()
    print(heading(options))
    network = _network(options)
    references, copies = _sample(network, options)
    ranks = ranks_among(copies, references)
    print(f"{network.signal}; {ranks.size} copies")
    _print(len(references), ranks, "")
    pushed = np.zeros_like(ranks)
    for done, vectors in _distractors(network, options):
        pushed += nearer(copies, references, vectors)
        if done in (options.distractors // 4, options.distractors // 2, options.distractors):
            _print(len(references) + done, ranks + pushed, "")
    share = options.distractors / (ESTIMATED - len(references))
    _print(ESTIMATED, ranks + np.round(pushed / share).astype(np.int64), " (estimated)")


def _network(options: argparse.Namespace) -> Embedder:
    if options.tower:
        return open_tower(options.tower)
    revision = next(entry.revision for entry in manifest() if entry.name == "sscd")
    return SquareNetwork(options.weights, sscd(revision, options.side))


def _sample(network: Embedder, options: argparse.Namespace) -> tuple[list[Floats], list[list[Floats]]]:
    """Vectors of the references, and per edit those of the copies of the first ones."""
    files = [options.folder / picture.file for picture in held_out_pictures(options.folder)]
    order = np.random.default_rng(options.seed).permutation(len(files))[: options.references + BYSTANDERS]
    read = [read_rgb(files[at], LONGER_SIDE) for at in order]
    held, bystanders = read[: options.references], read[options.references :]
    start, spent = time.perf_counter(), time.process_time()
    references = embedded(network, held)
    each = 1000 / len(held)
    print(
        f"{each * (time.perf_counter() - start):.1f} ms a picture, {each * (time.process_time() - spent):.1f} of a core"
    )
    edited = copies_of(held[: options.edited], bystanders, options.seed)
    return references, [embedded(network, copies) for copies in edited]


def _own(copies: Sequence[Sequence[Floats]], references: Sequence[Floats]) -> Floats:
    """Similarity of each copy to its original: (edits, originals)."""
    return np.stack(
        [[(copy @ held.T).max() for copy, held in zip(each, references, strict=False)] for each in copies]
    )


def ranks_among(copies: Sequence[Sequence[Floats]], references: Sequence[Floats]) -> NDArray[np.int64]:
    """How many references are more like each copy than its original is: (edits, originals)."""
    found = np.stack([similarities(each, references) for each in copies])
    return (found > found[:, np.arange(found.shape[1]), np.arange(found.shape[1])][:, :, None]).sum(axis=2)


def nearer(
    copies: Sequence[Sequence[Floats]], references: Sequence[Floats], vectors: Sequence[Floats]
) -> NDArray[np.int64]:
    """How many of these distractors are more like each copy than its original is."""
    own = _own(copies, references)
    found = np.stack([similarities(each, vectors) for each in copies])
    return (found > own[:, :, None]).sum(axis=2)


def _distractors(network: Embedder, options: argparse.Namespace) -> Iterator[tuple[int, list[Floats]]]:
    """Vectors in chunks, each with how many have been made by then."""
    files = [options.folder / picture.file for picture in training_pictures(options.folder)]
    rng = np.random.default_rng((options.seed, 1))
    for start in range(0, options.distractors, CHUNK):
        count = min(CHUNK, options.distractors - start)
        pictures = [
            _varied(read_rgb(files[rng.integers(len(files))], LONGER_SIDE), rng) for _ in range(count)
        ]
        for done in stops(start, start + count, options.distractors):
            part, pictures = pictures[: done - start], pictures[done - start :]
            start = done  # noqa: PLW2901 - a chunk is cut where figures are printed
            yield done, embedded(network, part)


def stops(first: int, last: int, distractors: int) -> list[int]:
    """Where the chunk from `first` to `last` ends, and before it where figures are printed."""
    return sorted({stop for stop in (distractors // 4, distractors // 2) if first < stop < last} | {last})


def _varied(picture: Pixels, rng: np.random.Generator) -> Pixels:
    part = move_colours(random_crop(picture, rng, SMALLEST_CROP), rng)
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)


def _print(size: int, ranks: NDArray[np.int64], note: str) -> None:
    by_edit = (ranks < LISTED).mean(axis=1)
    lost = ", ".join(
        f"{name} {share:.2f}" for name, share in zip(EDITS, by_edit, strict=True) if share < 0.995
    )
    at = ", ".join(f"@{most} {np.mean(ranks < most):.4f}" for most in (1, 5, LISTED, 50))
    print(f"{size:7,} references{note}: {at}; @{LISTED} below 1: {lost or 'none'}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the evaluation pictures")
    parser.add_argument("weights", type=Path, nargs="?", help="SSCD's file")
    parser.add_argument("--side", type=int, default=SSCD_SIDES[0])
    parser.add_argument("--tower", type=Path, help="the folder of our own network, instead of SSCD")
    parser.add_argument("--references", type=int, default=1500)
    parser.add_argument("--edited", type=int, default=60)
    parser.add_argument("--distractors", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    main()
