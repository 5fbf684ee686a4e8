"""The second stage of the copy benchmark: geometry on the shortlist, as the product does it.

    a network's shortlists ─ describe the query once ─▶ prove best first, stop at a clear proof ─▶ found, flagged

A copy is found when its reference is on the shortlist and proven; a non-copy is flagged when anything is. The
product's own functions and its own table decide (`detector.geometry`, `detector.copying`); no threshold is chosen
here. A query is described once for all networks, and a pair is proven once. Times are processor time on one
thread, of describing and of pairs.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
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
from detector.proofs import Proof

T = TypeVar("T")
Query = tuple[str | None, int, Pixels]
"""Which edit (None: a copy of nothing), which source or non-copy, and the picture."""


@dataclass(frozen=True)
class Shortlist:
    """Indexes of references, nearest first: of the copies [edits, sources, k] and the non-copies [n, k]."""

    network: str
    edits: Sequence[str]
    copies: np.ndarray
    non_copies: np.ndarray

    def of(self, edit: str | None, index: int) -> list[int]:
        """At most as many as the product proves."""
        row = self.non_copies[index] if edit is None else self.copies[self.edits.index(edit), index]
        return row[:PROVEN_AT_MOST].tolist()


@dataclass
class Proven:
    """What the proof made of one network's shortlists."""

    network: str
    found: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    classes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    flagged: list[bool] = field(default_factory=list)
    pairs: int = 0

    @property
    def recall(self) -> dict[str, float]:
        return {edit: float(np.mean(found)) for edit, found in self.found.items()}


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
        matches = {name: self._class_of(proof) for name, proof in proofs.items()}
        copies = {name: found for name, found in matches.items() if found is not None}
        if edit is None:
            result.flagged.append(bool(copies))
        else:
            result.found[edit].append(index in copies)
            result.classes[edit][copies.get(index, "not found")] += 1

    def _class_of(self, proof: Proof | None) -> str | None:
        """The class that the product gives where no face is known."""
        candidate = CopyCandidate("talent", "reference", LOCAL, 0.0)
        found = match_copies([candidate], (), self._tables, {"reference": proof})
        return str(found[0].copy_class) if found else None

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
    _table(["network", "mean recall", "worst", "non-copies flagged", "pairs per picture"])
    for each in results:
        worst = min(each.recall, key=lambda edit: each.recall[edit])
        pictures = len(each.flagged) + sum(map(len, each.found.values()))
        mean = f"{np.mean(list(each.recall.values())):.3f}"
        cells = [mean, f"{worst} {each.recall[worst]:.2f}", f"{np.mean(each.flagged):.3f}"]
        print(f"| {' | '.join([each.network, *cells, f'{each.pairs / pictures:.1f}'])} |")
    print()
    _table(["recall, proven", *(each.network for each in results), "classes (first network)"])
    for edit in results[0].recall:
        told = ", ".join(f"{name} {count}" for name, count in results[0].classes[edit].most_common())
        print(f"| {' | '.join([edit, *(f'{each.recall[edit]:.3f}' for each in results), told])} |")


def _table(heads: Sequence[str]) -> None:
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
