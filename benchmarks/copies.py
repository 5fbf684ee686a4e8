"""The copy benchmark: how many edited copies an image embedding finds, alone and as a shortlist.

1,500 references; 250 of them edited in 17 ways (`benchmarks.copy_edits`); 500 pictures that are copies of none. Every
picture is embedded in several views; a query's score for a reference is the greatest cosine of their views. The
threshold lets at most 1 % of the non-copies be flagged. Printed per network and set of views: recall per edit (the right
reference scores above the threshold) and shortlist recall at 1, 20 and 50. Then what geometry makes of each
shortlist of 20 (`benchmarks.copy_proof`): that is what the product finds and flags.

    python -m benchmarks.copies [--sscd sscd.onnx] [--tower FOLDER] [--phash] [--views one,panels] [--no-prove]
    python -m benchmarks.copies --distractors 100000 --cache FOLDER

Distractors are further references: crops of the training side in other colours, made from a seed.

Pictures: the held-out side of `training.pictures`, whose people and files no tower was trained on.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.copy_edits import EDITS, Pixels
from benchmarks.copy_embedders import Embedder, PerceptualHash, Sscd, Tower
from benchmarks.copy_proof import Proven, Query, Shortlist, Stage, print_proven
from benchmarks.copy_views import QUERY_VIEWS, REFERENCE_VIEWS, View
from benchmarks.distractors import Distractors
from benchmarks.figures import Figure, Result, heading
from training.bases import read_rgb
from training.pictures import held_out_pictures

LONGER_SIDE = 512
CACHED = Path("cached")
FLAGGED = 0.01
SHORTLISTS = (1, 20, 50)


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
    return np.stack([_views(embedder, each, list(views.values())) for each in pictures])


def scores(queries: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Greatest cosine over both sides' views, float32 [queries, references]."""
    flat = references.reshape(-1, references.shape[-1]).T
    return np.stack([(query @ flat).max(0).reshape(len(references), -1).max(1) for query in queries])


@dataclass(frozen=True)
class Judged:
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


def judge(vectors: Vectors, network: str, query_views: str, reference_views: str) -> Judged:
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
    return Judged(network, query_views, reference_views, threshold, recall, shortlist)


def print_results(results: Sequence[Judged]) -> None:
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
    print(heading(asked), flush=True)
    sample = draw_sample(asked.eval_dir, asked.references, asked.edited, asked.non_copies, asked.seed)
    pairs = [result for embedder in _embedders(asked) for result in _results(sample, embedder, asked)]
    results = [result for result, _ in pairs]
    print_results(results)
    proven = _prove(sample, [shortlist for _, shortlist in pairs], asked) if asked.prove else []
    if asked.json:
        bars = {each.network: each.recall for each in proven} or {
            _label(each): each.recall for each in results
        }
        figures = _figures(results, proven)
        Result.of("copies", asked, figures, {"recall_per_edit": bars}).write(asked.json)


def _figures(results: Sequence[Judged], proven: Sequence[Proven]) -> Iterator[Figure]:
    """The goals of the copy benchmark against what was measured; without proofs, of the networks alone."""
    for result in results:
        listed = float(np.mean(list(result.shortlist[20].values())))
        yield Figure(f"shortlist recall@20, {_label(result)}", listed, "share", "at least", 0.99)
    for each in proven:
        yield Figure(
            f"mean recall, {each.network}",
            float(np.mean(list(each.recall.values()))),
            "share",
            "at least",
            0.97,
        )
        yield Figure(
            f"recall of the worst edit, {each.network}", min(each.recall.values()), "share", "at least", 0.85
        )
        yield Figure(f"non-copies flagged, {each.network}", each.flagged_share, "share", "at most", FLAGGED)
        strict = each.recall_from(each.agreement_at(FLAGGED))
        name = f"at 1 % flagged, {each.network}"
        yield Figure(f"mean recall {name}", float(np.mean(list(strict.values()))), "share", "at least", 0.97)
        yield Figure(f"recall of the worst edit {name}", min(strict.values()), "share", "at least", 0.85)


def _label(result: Judged) -> str:
    return f"{result.network} {result.query_views}/{result.reference_views}"


def _prove(sample: Sample, shortlists: Sequence[Shortlist], asked: argparse.Namespace) -> list[Proven]:
    others = Distractors(asked.eval_dir, asked.distractors, asked.seed, LONGER_SIDE)

    def pixels_of(index: int) -> Pixels:
        known = len(sample.references)
        return (
            read_rgb(sample.references[index], LONGER_SIDE) if index < known else others.pixels(index - known)
        )

    stage = Stage(pixels_of)
    results = stage.run(_queries(sample, asked.seed), shortlists)
    print_proven(results, stage)
    return results


def _queries(sample: Sample, seed: int) -> Iterator[Query]:
    bystanders = [read_rgb(path, LONGER_SIDE) for path in sample.bystanders]
    sources = [read_rgb(sample.references[index], LONGER_SIDE) for index in sample.sources]
    for edit in EDITS:
        for index, pixels in enumerate(_edited(edit, sources, bystanders, seed)):
            yield edit, index, pixels
    for index, path in enumerate(sample.non_copies):
        yield None, index, read_rgb(path, LONGER_SIDE)


def _results(
    sample: Sample, embedder: Embedder, asked: argparse.Namespace
) -> Iterator[tuple[Judged, Shortlist]]:
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
    if asked.distractors:
        others = Distractors(asked.eval_dir, asked.distractors, asked.seed, LONGER_SIDE)
        views = list(reference.values())
        more = others.vectors(embedder.name, lambda pixels: _views(embedder, pixels, views), asked.cache)
        vectors = replace(vectors, references=np.concatenate((vectors.references, more)))
    for query_views in asked.views:
        for reference_views in asked.reference_views:
            result = judge(vectors, embedder.name, query_views, reference_views)
            yield result, shortlist(vectors, embedder.name, query_views, reference_views, embedder.gate)


def _views(embedder: Embedder, pixels: Pixels, views: Sequence[View]) -> np.ndarray:
    """The whole first; a view that shows just the picture again costs nothing."""
    whole = embedder.embed(views[0](pixels))
    shown = (view(pixels) for view in views[1:])
    return np.stack([whole, *(whole if part is pixels else embedder.embed(part) for part in shown)])


def shortlist(
    vectors: Vectors, network: str, query_views: str, reference_views: str, gate: float = -1.0
) -> Shortlist:
    """The nearest references of every copy and non-copy, by the views that are named."""
    query = [vectors.query_views.index(view) for view in QUERY_VIEWS[query_views]]
    chosen = [vectors.reference_views.index(view) for view in REFERENCE_VIEWS[reference_views]]
    references = vectors.references[:, chosen]

    def nearest(queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = scores(queries[:, query], references)
        rows = np.argsort(-found, axis=1)[:, : max(SHORTLISTS)]
        return rows, np.take_along_axis(found, rows, axis=1)

    copies, near = (np.stack(each) for each in zip(*map(nearest, vectors.copies), strict=True))
    others, near_others = nearest(vectors.non_copies)
    label = f"{network} {query_views}/{reference_views}"
    return Shortlist(label, list(EDITS), copies, others, near, near_others, gate)


def _embedders(asked: argparse.Namespace) -> Iterator[Embedder]:
    """Those asked for; SSCD from the cache of weights, as the product has it, where none is."""
    nothing = not (asked.phash or asked.tower or asked.sscd)
    if nothing or asked.sscd == CACHED:
        from data.weights import WeightsCache  # noqa: PLC0415  only when no file is named

        asked.sscd = WeightsCache(Path.home() / ".cache" / "lookalike").ensure("sscd")
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
    parser.add_argument(
        "--sscd", type=Path, nargs="?", const=CACHED, help="SSCD's ONNX file; without one, that of the cache"
    )
    parser.add_argument("--sscd-side", type=int, default=160)
    parser.add_argument(
        "--tower", type=Path, action="append", default=[], help="a folder made by training; may be repeated"
    )
    parser.add_argument("--phash", action="store_true", help="pHash of 64 and 256 bits")
    parser.add_argument(
        "--views",
        type=_names(QUERY_VIEWS),
        default=["panels"],
        help="of queries: one, few, many, turns or panels",
    )
    parser.add_argument(
        "--reference-views", type=_names(REFERENCE_VIEWS), default=["one"], help="one, crops, panels"
    )
    parser.add_argument("--references", type=int, default=1500)
    parser.add_argument("--edited", type=int, default=250)
    parser.add_argument("--non-copies", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--prove", action=argparse.BooleanOptionalAction, default=True, help="by geometry")
    parser.add_argument("--distractors", type=int, default=0, help="further references")
    parser.add_argument("--cache", type=Path, help="folder that keeps the distractors' vectors")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser


def _names(known: dict[str, dict[str, View]]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := [name for name in chosen if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
        return chosen

    return names


if __name__ == "__main__":
    main()
