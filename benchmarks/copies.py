"""The copy benchmark: how many edited copies an image embedding finds, alone and as a shortlist.

1,500 references; 250 of them edited in 17 ways (`benchmarks.copy_edits`); 500 pictures that are copies of none. Every
picture is embedded in several views; a query's score for a reference is the greatest cosine of their views. The
threshold lets at most 1 % of the non-copies be flagged. Printed per network and set of views: recall per edit (the right
reference scores above the threshold) and shortlist recall at 1, 20 and 50. No geometry: the proof comes after this.

    python -m benchmarks.copies --sscd sscd.onnx --tower FOLDER --phash [--views one,few] [--references one,crops]

Pictures: the held-out side of `training.pictures`, whose people and files no tower was trained on.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from benchmarks.copy_edits import EDITS, Pixels
from training.bases import read_rgb
from training.pictures import held_out_pictures

LONGER_SIDE = 512
FLAGGED = 0.01
SHORTLISTS = (1, 20, 50)


class Embedder(Protocol):
    """An image network or hash whose vectors are compared by inner product."""

    name: str

    def embed(self, pixels: Pixels) -> np.ndarray:
        """Unit vector, float32 [d], of a uint8 RGB picture of any size."""


class Sscd:
    """SSCD's int8 ONNX file, squashed to a square, in OpenVINO."""

    def __init__(self, onnx: Path, side: int) -> None:
        from training.teacher import Teacher  # noqa: PLC0415  only when asked for

        self._teacher = Teacher(onnx, side)
        self.name = f"sscd-int8@{side}"

    def embed(self, pixels: Pixels) -> np.ndarray:
        """Unit vector, float32 [512]."""
        return self._teacher.embed(pixels)


class Tower:
    """The folder of an image tower that `python -m training` made, as the project runs it."""

    def __init__(self, folder: Path) -> None:
        from detector.images.tower import open_tower  # noqa: PLC0415  only when asked for

        self._network = open_tower(folder)
        self.name = f"tower:{folder.name}"

    def embed(self, pixels: Pixels) -> np.ndarray:
        """Unit vector, float32 [d]."""
        return np.asarray(self._network.vectors([pixels])[0])


class PerceptualHash:
    """DCT hash of `side` by `side` bits; the inner product of two is 1 less twice their share of differing bits."""

    def __init__(self, side: int) -> None:
        self._side = side
        self.name = f"phash-{side * side}"

    def embed(self, pixels: Pixels) -> np.ndarray:
        """Bits as plus and minus one, scaled to a unit vector, float32 [side * side]."""
        small = cv2.resize(
            cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (4 * self._side,) * 2, interpolation=cv2.INTER_AREA
        )
        low = cv2.dct(small.astype(np.float32))[: self._side, : self._side].ravel()
        return np.where(low > np.median(low), 1, -1).astype(np.float32) / self._side


View = Callable[[Pixels], Pixels]


def _part(top: float, left: float, height: float, width: float) -> View:
    def view(pixels: Pixels) -> Pixels:
        tall, wide = pixels.shape[:2]
        rows = slice(int(top * tall), max(int(top * tall) + 8, round((top + height) * tall)))
        columns = slice(int(left * wide), max(int(left * wide) + 8, round((left + width) * wide)))
        return np.ascontiguousarray(pixels[rows, columns])

    return view


def _turned(turns: int, mirrored: bool) -> View:
    def view(pixels: Pixels) -> Pixels:
        turned = np.rot90(pixels, turns)
        return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)

    return view


def trimmed(pixels: Pixels) -> Pixels:
    """The picture less the rows and columns at its edges that hold little but one colour."""
    inside = pixels
    for share in (0.2, 0.4):  # a narrow picture on a page first, then what a line of text adds to it
        for axis in (0, 1):
            grey = cv2.cvtColor(np.ascontiguousarray(inside), cv2.COLOR_RGB2GRAY).astype(np.float32)
            inside = inside[:, _busy(grey, 0, share)] if axis == 0 else inside[_busy(grey, 1, share)]
    return np.ascontiguousarray(inside) if min(inside.shape[:2]) >= 32 else pixels


def _busy(grey: np.ndarray, axis: int, share: float) -> slice:
    """The longest run of lines in which at least `share` isn't the line's median shade; short breaks don't end it."""
    median = np.median(grey, axis=axis, keepdims=True)
    busy = (np.abs(grey - median) > 6).mean(axis) > share
    starts = np.flatnonzero(np.diff(np.concatenate(([0], busy.astype(np.int8), [0]))))
    if len(starts) == 0:
        return slice(None)
    runs = _joined(starts.reshape(-1, 2), len(busy) // 40)
    first, last = max(runs, key=lambda run: run[1] - run[0])
    return slice(first, last)


def _joined(runs: np.ndarray, gap: int) -> list[tuple[int, int]]:
    joined = [(int(runs[0][0]), int(runs[0][1]))]
    for first, last in runs[1:].tolist():
        if first - joined[-1][1] <= gap:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


WHOLE: dict[str, View] = {"whole": _turned(0, mirrored=False)}
FEW: dict[str, View] = {
    "trimmed": trimmed,
    "mirror": _turned(0, mirrored=True),
    **{f"quarter {row}{column}": _part(row / 2, column / 2, 0.5, 0.5) for row in (0, 1) for column in (0, 1)},
}
MANY: dict[str, View] = {
    "middle": _part(0.2, 0.2, 0.6, 0.6),
    "left third": _part(0, 0, 1, 1 / 3),
    "right third": _part(0, 2 / 3, 1, 1 / 3),
    "upper half": _part(0.05, 0, 0.6, 1),
}
TURNS: dict[str, View] = {f"turn {turns}": _turned(turns, mirrored=False) for turns in (1, 2, 3)}
MIRRORED: dict[str, View] = {f"mirrored turn {turns}": _turned(turns, mirrored=True) for turns in (1, 2, 3)}
CROPS: dict[str, View] = {
    "trimmed": trimmed,
    **{
        f"crop {row}{column}": _part(row / 4, column / 4, 0.5, 0.5)
        for row in (0, 1, 2)
        for column in (0, 1, 2)
    },
}
EIGHT = WHOLE | {"mirror": FEW["mirror"]} | TURNS | MIRRORED
QUERY_VIEWS = {"one": WHOLE, "few": WHOLE | FEW, "many": WHOLE | FEW | MANY | TURNS, "turns": EIGHT}
REFERENCE_VIEWS = {"one": WHOLE, "crops": WHOLE | CROPS}


@dataclass(frozen=True)
class Sample:
    """The benchmark's pictures; `sources` are the references that are edited, as indexes into `references`."""

    references: list[Path]
    sources: list[int]
    non_copies: list[Path]
    bystanders: list[Path]


def draw_sample(eval_dir: Path, references: int, edited: int, non_copies: int, seed: int) -> Sample:
    """Seeded choice among the held-out pictures."""
    files = [eval_dir / picture.file for picture in held_out_pictures(eval_dir)]
    order = np.random.default_rng(seed).permutation(len(files))
    shuffled = [files[index] for index in order]
    if len(shuffled) < references + non_copies + 3:
        raise SystemExit(
            f"{len(shuffled)} held-out pictures are too few for {references} references: ask for fewer"
        )
    rest = shuffled[references:]
    return Sample(shuffled[:references], list(range(edited)), rest[:non_copies], rest[non_copies:])


@dataclass(frozen=True)
class Vectors:
    """References float32 [r, views, d], edited copies [edits, sources, views, d], non-copies [n, views, d]."""

    references: np.ndarray
    copies: np.ndarray
    non_copies: np.ndarray
    query_views: list[str]
    reference_views: list[str]
    embeddings_made: int
    seconds: float


def embed_sample(
    sample: Sample, embedder: Embedder, query: dict[str, View], reference: dict[str, View], seed: int
) -> Vectors:
    """Every picture of the sample in its views."""
    start = time.perf_counter()
    bystanders = [read_rgb(path, LONGER_SIDE) for path in sample.bystanders]
    sources = [read_rgb(sample.references[index], LONGER_SIDE) for index in sample.sources]
    references = _embedded(embedder, (read_rgb(path, LONGER_SIDE) for path in sample.references), reference)
    non_copies = _embedded(embedder, (read_rgb(path, LONGER_SIDE) for path in sample.non_copies), query)
    copies = np.stack(
        [_embedded(embedder, _edited(edit, sources, bystanders, seed), query) for edit in EDITS]
    )
    made = (references.size + non_copies.size + copies.size) // references.shape[-1]
    return Vectors(
        references, copies, non_copies, list(query), list(reference), made, time.perf_counter() - start
    )


def _edited(
    edit: str, sources: Sequence[Pixels], bystanders: Sequence[Pixels], seed: int
) -> Iterator[Pixels]:
    place = list(EDITS).index(edit)
    for index, source in enumerate(sources):
        yield EDITS[edit](source, np.random.default_rng((seed, place, index)), bystanders)


def _embedded(embedder: Embedder, pictures: Iterator[Pixels], views: dict[str, View]) -> np.ndarray:
    return np.stack([np.stack([embedder.embed(view(each)) for view in views.values()]) for each in pictures])


def scores(queries: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Greatest cosine over both sides' views, float32 [queries, references]."""
    flat = references.reshape(-1, references.shape[-1]).T
    return np.stack([(query @ flat).max(0).reshape(len(references), -1).max(1) for query in queries])


@dataclass(frozen=True)
class Result:
    """Figures of one network with one set of views on each side."""

    network: str
    query_views: str
    reference_views: str
    threshold: float
    recall: dict[str, float]
    shortlist: dict[int, dict[str, float]]

    def summary(self) -> list[str]:
        """Cells: network, views, mean recall, worst edit, shortlist recalls."""
        worst = min(self.recall, key=lambda edit: self.recall[edit])
        short = [f"{np.mean(list(self.shortlist[k].values())):.3f}" for k in SHORTLISTS]
        views = f"{self.query_views} / {self.reference_views}"
        mean = np.mean(list(self.recall.values()))
        return [self.network, views, f"{mean:.3f}", f"{worst} {self.recall[worst]:.2f}", *short]


def judge(vectors: Vectors, network: str, query_views: str, reference_views: str) -> Result:
    """Threshold from the non-copies, then recall of every edit, by the views that are named."""
    query = [vectors.query_views.index(view) for view in QUERY_VIEWS[query_views]]
    chosen = [vectors.reference_views.index(view) for view in REFERENCE_VIEWS[reference_views]]
    references = vectors.references[:, chosen]
    strongest = np.sort(scores(vectors.non_copies[:, query], references).max(1))[::-1]
    threshold = float(strongest[int(FLAGGED * len(strongest))])  # five of 500 are above it
    recall: dict[str, float] = {}
    shortlist: dict[int, dict[str, float]] = {k: {} for k in SHORTLISTS}
    for edit, copies in zip(EDITS, vectors.copies, strict=True):
        found = scores(copies[:, query], references)
        own = found[np.arange(len(found)), np.arange(len(found))]
        recall[edit] = float((own > threshold).mean())
        rank = (found > own[:, None]).sum(1)
        for k in SHORTLISTS:
            shortlist[k][edit] = float((rank < k).mean())
    return Result(network, query_views, reference_views, threshold, recall, shortlist)


def print_results(results: Sequence[Result]) -> None:
    """The summary, then recall and shortlist recall at 20 per edit, as tables."""
    _table(["network", "views query / reference", "mean recall", "worst", *(f"@{k}" for k in SHORTLISTS)])
    for result in results:
        print(f"| {' | '.join(result.summary())} |")
    print()
    names = [f"{each.network} {each.query_views}/{each.reference_views}" for each in results]
    _table(["recall (shortlist@20)", *names])
    for edit in EDITS:
        cells = [f"{each.recall[edit]:.2f} ({each.shortlist[20][edit]:.2f})" for each in results]
        print(f"| {' | '.join([edit, *cells])} |")


def _table(heads: Sequence[str]) -> None:
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")


def main() -> None:
    """Run the benchmark that the command line asks for."""
    asked = _parser().parse_args()
    print(f"options: {vars(asked)}\nmachine: {_machine()}\n", flush=True)
    sample = draw_sample(asked.eval_dir, asked.references, asked.edited, asked.non_copies, asked.seed)
    results = [result for embedder in _embedders(asked) for result in _results(sample, embedder, asked)]
    print_results(results)
    if asked.json:
        rows = [vars(result) for result in results]
        asked.json.write_text(
            json.dumps({"options": _plain(asked), "results": rows}, indent=1), encoding="utf-8"
        )


def _results(sample: Sample, embedder: Embedder, asked: argparse.Namespace) -> Iterator[Result]:
    query = {name: view for chosen in asked.views for name, view in QUERY_VIEWS[chosen].items()}
    reference = {
        name: view for chosen in asked.reference_views for name, view in REFERENCE_VIEWS[chosen].items()
    }
    vectors = embed_sample(sample, embedder, query, reference, asked.seed)
    each = 1000 * vectors.seconds / vectors.embeddings_made
    print(
        f"{embedder.name}: {vectors.embeddings_made} embeddings, {each:.1f} ms each with edits and decoding",
        flush=True,
    )
    for query_views in asked.views:
        for reference_views in asked.reference_views:
            yield judge(vectors, embedder.name, query_views, reference_views)


def _embedders(asked: argparse.Namespace) -> Iterator[Embedder]:
    if asked.phash:
        yield PerceptualHash(8)
        yield PerceptualHash(16)
    for folder in asked.tower:
        yield Tower(folder)
    if asked.sscd:
        yield Sscd(asked.sscd, asked.sscd_side)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.copies", description=__doc__.split("\n", 1)[0]
    )
    parser.add_argument("--eval-dir", type=Path, default=Path("../shared/eval"))
    parser.add_argument("--sscd", type=Path, help="SSCD's ONNX file")
    parser.add_argument("--sscd-side", type=int, default=224)
    parser.add_argument(
        "--tower", type=Path, action="append", default=[], help="a folder made by training; may be repeated"
    )
    parser.add_argument("--phash", action="store_true", help="pHash of 64 and 256 bits")
    parser.add_argument(
        "--views", type=_names(QUERY_VIEWS), default=["one"], help="of queries: one, few, many or turns"
    )
    parser.add_argument("--reference-views", type=_names(REFERENCE_VIEWS), default=["one"], help="one, crops")
    parser.add_argument("--references", type=int, default=1500)
    parser.add_argument("--edited", type=int, default=250)
    parser.add_argument("--non-copies", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser


def _names(known: dict[str, dict[str, View]]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := [name for name in chosen if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
        return chosen

    return names


def _plain(asked: argparse.Namespace) -> dict[str, object]:
    return {
        name: value if isinstance(value, int | list) else str(value) for name, value in vars(asked).items()
    }


def _machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
