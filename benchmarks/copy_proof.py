"""The second stage of the copy benchmark: geometry on the shortlist, as the product does it.

    a network's shortlists ─ describe the query once ─▶ prove best first, stop at a clear proof ─▶ found, flagged

A copy is found when its reference is on the shortlist, near enough to be looked at, and proven; a non-copy is flagged
when anything is. The product's own functions and its own tables decide (`detector.geometry`, `detector.copying`); no
threshold is chosen here, but for one figure: to stand beside networks whose threshold is set so that 1 % of the
non-copies are flagged, recall is also given where the agreement asked for is raised until that holds. A query is
described once for all networks, and a pair is proven once. Times are processor time on one thread, of describing and
of pairs.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import cv2
import numpy as np

from benchmarks.copy_edits import Pixels
from data.calibration import read_tables
from detector.candidates import CopyCandidate
from detector.copying import PROVEN_AT_MOST, match_copies
from detector.geometry.codec import decode, encode
from detector.geometry.features import LOCAL, QUERY, REFERENCE, LocalFeatures, describe
from detector.geometry.proof import Prover
from detector.geometry.proving import CLEAR
from detector.matches import Band, CopyMatch
from detector.proofs import Proof

FLAGGED = 0.01
"""Share of the non-copies that the networks of the recipe may flag."""

T = TypeVar("T")
Query = tuple[str | None, int, Pixels]
"""Which edit (None: a copy of nothing), which source or non-copy, and the picture."""


@dataclass(frozen=True)
class Shortlist:
    """Indexes of references, nearest first: of the copies [edits, sources, k] and the non-copies [n, k]; near_copies and
    near_non_copies are their similarities. gate: from which similarity on the product looks at a reference."""

    network: str
    edits: Sequence[str]
    copies: np.ndarray
    non_copies: np.ndarray
    near_copies: np.ndarray
    near_non_copies: np.ndarray
    gate: float

    def of(self, edit: str | None, index: int) -> list[int]:
        """At most as many as the product proves, and only those it looks at."""
        at = (index,) if edit is None else (self.edits.index(edit), index)
        rows, near = (
            (self.non_copies, self.near_non_copies) if edit is None else (self.copies, self.near_copies)
        )
        return rows[at][near[at] >= self.gate][:PROVEN_AT_MOST].tolist()


@dataclass
class Proven:
    """What the proof made of one network's shortlists. found, flagged: the agreement of the right reference, and the
    greatest of any; 0 where nothing was proven. matched: non-copies whose band was `match`. described: pictures with
    anything to look at."""

    network: str
    found: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    classes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    flagged: list[float] = field(default_factory=list)
    matched: int = 0
    pairs: int = 0
    described: int = 0

    @property
    def recall(self) -> dict[str, float]:
        return self.recall_from(0.0)

    def recall_from(self, agreement: float) -> dict[str, float]:
        """Per edit, the share of copies whose proof agrees by more than that."""
        return {edit: float(np.mean(np.array(found) > agreement)) for edit, found in self.found.items()}

    @property
    def flagged_share(self) -> float:
        return float(np.mean(np.array(self.flagged) > 0))

    def agreement_at(self, share: float) -> float:
        """The agreement that at most this share of the non-copies exceed."""
        ranked = sorted(self.flagged, reverse=True)
        return ranked[int(share * len(ranked))]

    @property
    def described_share(self) -> float:
        """Of the non-copies, those that had to be described."""
        return self.described / max(1, len(self.flagged))


@dataclass
class Clock:
    """Processor seconds and how often."""

    seconds: float = 0.0
    times: int = 0

    def measured(self, work: Callable[[], T]) -> T:
        start = time.process_time()
        done = work()
        self.seconds += time.process_time() - start
        self.times += 1
        return done

    @property
    def ms(self) -> float:
        return 1000 * self.seconds / max(1, self.times)


class Stage:
    """Proves queries against references that are described when first asked for. `pixels_of`: a reference by its
    index."""

    def __init__(self, pixels_of: Callable[[int], Pixels]) -> None:
        self._pixels_of = pixels_of
        self._references: dict[int, LocalFeatures] = {}
        self._tables = {LOCAL: read_tables().copies[LOCAL]}
        self.describing, self.querying, self.proving = Clock(), Clock(), Clock()
        self.kept_bytes = 0

    def run(self, queries: Iterable[Query], shortlists: Sequence[Shortlist]) -> list[Proven]:
        """One result per shortlist, in order."""
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        results = [Proven(each.network) for each in shortlists]
        for edit, index, pixels in queries:
            look = _Look(self, pixels)
            for result, each in zip(results, shortlists, strict=True):
                self._judge(look, edit, index, each.of(edit, index), result)
        cv2.setNumThreads(threads)
        return results

    def _judge(
        self, look: "_Look", edit: str | None, index: int, chosen: Sequence[int], result: Proven
    ) -> None:
        before = len(look.asked)
        proofs = look.until_clear(chosen)
        result.pairs += max(len(proofs), len(look.asked) - before)
        copies = {
            name: found for name, proof in proofs.items() if (found := self._match_of(proof)) is not None
        }
        agreement = {name: proof.agreement for name, proof in proofs.items() if proof and name in copies}
        if edit is None:
            result.flagged.append(max(agreement.values(), default=0.0))
            result.matched += any(found.band is Band.MATCH for found in copies.values())
            result.described += bool(chosen)
        else:
            result.found[edit].append(agreement.get(index, 0.0))
            result.classes[edit][str(copies[index].copy_class) if index in copies else "not found"] += 1

    def _match_of(self, proof: Proof | None) -> CopyMatch | None:
        """What the product makes of it where no face is known."""
        candidate = CopyCandidate("talent", "reference", LOCAL, 0.0)
        return next(iter(match_copies([candidate], (), self._tables, {"reference": proof})), None)

    def reference(self, index: int) -> LocalFeatures:
        """As it comes back from the store."""
        if index not in self._references:
            pixels = self._pixels_of(index)
            stored = encode(self.describing.measured(lambda: describe(pixels, REFERENCE)))
            self.kept_bytes = max(self.kept_bytes, stored.nbytes)
            self._references[index] = decode(stored)
        return self._references[index]

    def summary(self) -> str:
        """The times, for people."""
        return (
            f"processor time: reference {self.describing.ms:.1f} ms ({self.describing.times}, at most "
            f"{self.kept_bytes / 1000:.0f} KB), query {self.querying.ms:.1f} ms ({self.querying.times}), "
            f"pair {self.proving.ms:.2f} ms ({self.proving.times})"
        )


class _Look:
    """One query against any number of references, each pair once."""

    def __init__(self, stage: Stage, pixels: Pixels) -> None:
        self._stage = stage
        self._prover = stage.querying.measured(lambda: Prover(describe(pixels, QUERY)))
        self.asked: dict[int, Proof | None] = {}

    def until_clear(self, chosen: Sequence[int]) -> dict[int, Proof | None]:
        """Each reference is a talent of its own here, so a clear proof ends the look."""
        proofs: dict[int, Proof | None] = {}
        for index in chosen:
            proofs[index] = self._proof(index)
            if (found := proofs[index]) is not None and found.agreement >= CLEAR:
                break
        return proofs

    def _proof(self, index: int) -> Proof | None:
        if index not in self.asked:
            reference = self._stage.reference(index)
            self.asked[index] = self._stage.proving.measured(lambda: self._prover.prove(reference))
        return self.asked[index]


def print_proven(results: Sequence[Proven], stage: Stage) -> None:
    """Summary, recall per edit and the classes that the first network's copies got, as tables."""
    print(f"\nproof of the first {PROVEN_AT_MOST}\n{stage.summary()}\n")
    heads = [
        "network",
        "mean recall",
        "worst",
        "non-copies flagged",
        "of them at match",
        "non-copies described",
    ]
    _table([*heads, "pairs per picture", "at 1 % flagged: mean recall", "worst"])
    for each in results:
        pictures = len(each.flagged) + sum(map(len, each.found.values()))
        shares = (each.flagged_share, each.matched / max(1, len(each.flagged)), each.described_share)
        cells = [*_mean_and_worst(each.recall), *(f"{share:.3f}" for share in shares)]
        strict = _mean_and_worst(each.recall_from(each.agreement_at(FLAGGED)))
        print(f"| {' | '.join([each.network, *cells, f'{each.pairs / pictures:.1f}', *strict])} |")
    print()
    _table(["recall, proven", *(each.network for each in results), "classes (first network)"])
    for edit in results[0].recall:
        told = ", ".join(f"{name} {count}" for name, count in results[0].classes[edit].most_common())
        print(f"| {' | '.join([edit, *(f'{each.recall[edit]:.3f}' for each in results), told])} |")


def _mean_and_worst(recall: Mapping[str, float]) -> tuple[str, str]:
    worst = min(recall, key=lambda edit: recall[edit])
    return f"{np.mean(list(recall.values())):.3f}", f"{worst} {recall[worst]:.2f}"


def _table(heads: Sequence[str]) -> None:
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
