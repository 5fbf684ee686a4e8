"""How fast and how exact the indexes are, beside bare FAISS in the same run: python -m benchmarks.index_bench

Random unit vectors, `--references` of them per talent in a cluster; queries are noisy views of talents. Every
figure is the best of `--repeat` runs (the first one warms up). Bare FAISS is an IndexFlatIP over the same
vectors: what anybody would write in three lines, without ids, removal, talents or templates.

Image embeddings have several vectors per reference: every `--panelled`-th reference and query has five. Their latency
is of one picture at a time, p50 and p99 over `--pictures` of them, and of a batch of 16.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.figures import Figure, Result, heading
from detector.signals import Box, Face, FaceQuality, SignalId, SignalKind, Signals, SignalSet
from indexer.faiss_index import FaissIndex
from indexer.hash_index import HashIndex
from indexer.registry import Registry
from indexer.shelf import Position, ShelfContents
from indexer.view_shelf import ViewShelf

FACE = SignalId(SignalKind.FACE, "random", "1", "none")
HASH = SignalId(SignalKind.HASH, "random", "1", "none")
MADE_BY = SignalSet(FACE, None, (HASH,))
IMAGE = SignalId(SignalKind.IMAGE, "random", "1", "none")
IMAGE_NUMBERS = 512
PANELLED = 5

AS_SHIPPED = faiss.cvar.distance_compute_blas_threshold
"""Queries from which this build of FAISS uses a matrix product, before `indexer.kernels` lowers it."""


@dataclass(frozen=True, eq=False)
class Put:
    """A change of the feed that the registry is built from."""

    number: int
    reference_id: str
    talent_id: str
    vector: Any
    quality: float
    op: str = "put"


@dataclass(frozen=True)
class Times:
    """Seconds."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall * 1000:7.1f} ms ({self.processor * 1000:7.1f})"


class Feed:
    """All references as one list of changes per signal."""

    def __init__(self, faces: Any, hashes: Any, per_talent: int) -> None:
        self._changes = {FACE: self._puts(faces, per_talent), HASH: self._puts(hashes, per_talent)}

    def head(self) -> int:
        return len(self._changes[FACE])

    def since(self, number: int, signal_id: SignalId, limit: int) -> list[Put]:
        return self._changes[signal_id][number : number + limit]

    def _puts(self, vectors: Any, per_talent: int) -> list[Put]:
        return [
            Put(number + 1, f"ref{number}", f"talent{number // per_talent}", vector, 0.9)
            for number, vector in enumerate(vectors)
        ]


def main() -> None:
    options = _options()
    print(f"{heading(options)}; load {os.getloadavg()[0]:.1f}")
    print(
        f"numpy {np.__version__}, Python {platform.python_version()}, FAISS {faiss.__version__}: bare it runs ",
        end="",
    )
    print(f"{faiss.omp_get_max_threads()} threads and matrix products from {AS_SHIPPED} queries")
    print("times are of the wall clock, in brackets of the processor")
    figures = [figure for size in options.sizes for figure in _run(size, options)]
    if options.json:
        Result.of("index_bench", options, figures).write(options.json)


def _run(size: int, options: argparse.Namespace) -> list[Figure]:
    random = np.random.default_rng(options.seed)
    centres = _unit(random.normal(size=(-(-size // options.references), options.dimension)))
    faces = _unit(
        np.repeat(centres, options.references, axis=0)[:size] + options.noise * _noise(random, size, options)
    )
    seen = random.integers(0, len(centres), options.queries)
    queries = _unit(centres[seen] + options.noise * _noise(random, options.queries, options))
    hashes = random.integers(0, 256, (size, 8), dtype=np.uint8)
    turned = random.integers(0, 256, (options.queries, 8, 8), dtype=np.uint8)
    print(f"\n{size} references of {len(centres)} talents, {options.queries} queries, top {options.top}")
    figures = _embeddings(faces, queries, options)
    _hashes(hashes, turned, options)
    _registry(faces, hashes, queries, turned, options)
    _images(size, random, options)
    return figures


def _embeddings(faces: Any, queries: Any, options: argparse.Namespace) -> list[Figure]:
    ids = [f"ref{number}" for number in range(len(faces))]
    bare = faiss.IndexFlatIP(options.dimension)
    built_bare = _timed(lambda: (bare.reset(), bare.add(faces)), options)
    index = FaissIndex(FACE)
    built = _timed(lambda: (index.remove(ids), index.add(FACE, ids, faces)), options)
    expected = bare.search(queries, options.top)[1]
    found = index.search(FACE, queries, options.top)
    faiss.cvar.distance_compute_blas_threshold = AS_SHIPPED
    alone = _timed(lambda: bare.search(queries, options.top), options)
    ours = _timed(lambda: index.search(FACE, queries, options.top), options)
    recall = _recall(found, expected)
    _report("faces  bare IndexFlatIP", built_bare, alone)
    _report("faces  FaissIndex", built, ours)
    print(f"  recall@{options.top} of FaissIndex against bare FAISS {recall:.4f}")
    name = f"{len(faces):,} faces, {len(queries)} queries at once"
    return [
        Figure(f"{name}: search", 1000 * ours.wall, "ms", "at most", None, 1000 * alone.wall, "bare FAISS"),
        Figure(f"{name}: recall@{options.top} against exact", recall, "share", "at least", 0.995),
    ]


def _hashes(hashes: Any, turned: Any, options: argparse.Namespace) -> None:
    ids = [f"ref{number}" for number in range(len(hashes))]
    bare = faiss.IndexBinaryFlat(64)
    built_bare = _timed(lambda: (bare.reset(), bare.add(hashes)), options)
    index = HashIndex(HASH)
    built = _timed(lambda: (index.remove(ids), index.add(HASH, ids, hashes)), options)
    flat = turned.reshape(-1, 8)
    _report(
        "hashes bare IndexBinaryFlat", built_bare, _timed(lambda: bare.search(flat, options.top), options)
    )
    _report("hashes HashIndex", built, _timed(lambda: index.search(HASH, turned, options.top), options))


def _images(size: int, random: np.random.Generator, options: argparse.Namespace) -> None:
    counts = [PANELLED if at % options.panelled == 0 else 1 for at in range(size)]
    rows = tuple(f"ref{at}#{view}" for at, count in enumerate(counts) for view in range(count))
    vectors = _unit(random.normal(size=(len(rows), IMAGE_NUMBERS)).astype(np.float32))
    shelf = ViewShelf(IMAGE)
    talents = ("talent",) * len(rows)
    shelf.restore(ShelfContents(IMAGE, Position(), rows, talents, (1.0,) * len(rows), vectors))
    queries = _queries(vectors, random, options)
    alone = [_once(lambda query=query: _looked_up(shelf, [query], options.top)).wall for query in queries]
    batch = _timed(lambda: _looked_up(shelf, queries[:16], options.top), options)
    p50, p99 = (1000 * float(np.quantile(alone, share)) for share in (0.5, 0.99))
    print(
        f"  images: {len(rows)} vectors, {vectors.nbytes / 2**20:.0f} MiB; {len(queries)} pictures alone: ",
        end="",
    )
    print(f"p50 {p50:.1f} ms, p99 {p99:.1f} ms; 16 at once {batch}")


def _queries(vectors: Any, random: np.random.Generator, options: argparse.Namespace) -> list[Any]:
    """Noisy views of references; every so many a picture of several."""
    counts = [PANELLED if at % options.panelled == 0 else 1 for at in range(options.pictures)]
    chosen = [random.integers(0, len(vectors), count) for count in counts]
    return [_unit(vectors[rows] + 0.03 * random.normal(size=(len(rows), IMAGE_NUMBERS))) for rows in chosen]


def _looked_up(shelf: ViewShelf, queries: list[Any], top: int) -> None:
    for query, found in zip(queries, shelf.nearest(queries, top), strict=True):
        shelf.compare(query, found)


def _registry(faces: Any, hashes: Any, queries: Any, turned: Any, options: argparse.Namespace) -> None:
    feed = Feed(faces, hashes, options.references)
    pictures = [_picture(face, codes) for face, codes in zip(queries, turned, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "registry.snapshot"
        rebuilt = _once(lambda: Registry.open(MADE_BY, feed, path))
        loaded = _once(lambda: Registry.open(MADE_BY, feed, path))
        registry = Registry.open(MADE_BY, feed, path)
        print(f"  registry: rebuilt and saved {rebuilt}, loaded {loaded}, ", end="")
        print(f"snapshot {path.stat().st_size / 2**20:.1f} MiB")
    faces_only = SignalSet(FACE, None, ())
    bare = [Signals(one.faces, None, {}, faces_only) for one in pictures]
    _report("registry faces", None, _timed(lambda: registry.search(bare, options.top), options))
    _report(
        "registry faces and copies", None, _timed(lambda: registry.search(pictures, options.top), options)
    )


def _picture(face: Any, codes: Any) -> Signals:
    quality = FaceQuality(1.0, 60, 60, 0)
    seen = Face(Box(0, 0, 1, 1), ((0.0, 0.0),) * 5, 0.9, quality, face)
    return Signals((seen,), None, {HASH: codes}, MADE_BY)


def _noise(random: np.random.Generator, size: int, options: argparse.Namespace) -> Any:
    return _unit(random.normal(size=(size, options.dimension)))


def _unit(vectors: Any) -> Any:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _recall(found: Sequence[Sequence[Any]], expected: Any) -> float:
    pairs = zip(found, expected, strict=True)
    shared = sum(len({hit.id for hit in hits} & {f"ref{row}" for row in rows}) for hits, rows in pairs)
    return shared / expected.size


def _timed(call: Callable[[], object], options: argparse.Namespace) -> Times:
    runs = [_once(call) for _ in range(options.repeat + 1)]
    return Times(min(run.wall for run in runs), min(run.processor for run in runs))


def _once(call: Callable[[], object]) -> Times:
    wall, processor = time.perf_counter(), time.process_time()
    call()
    return Times(time.perf_counter() - wall, time.process_time() - processor)


def _report(name: str, built: Times | None, searched: Times) -> None:
    build = "" if built is None else f"build {built}   "
    print(f"  {name:28} {build}search {searched}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--references", type=int, default=4, help="per talent")
    parser.add_argument("--noise", type=float, default=0.9, help="length added to a talent's unit vector")
    parser.add_argument("--queries", type=int, default=64)
    parser.add_argument("--top", type=int, default=20)
    parser.add_argument("--pictures", type=int, default=200, help="searched by image embedding")
    parser.add_argument(
        "--panelled", type=int, default=10, help="every so many of the pictures has five views"
    )
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
