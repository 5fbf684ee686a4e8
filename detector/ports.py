"""What the core asks of the outside. Small protocols that belong to their consumer, the pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from detector.candidates import Candidates, CopyCandidate
from detector.credentials.claims import Credentials
from detector.decision import TalentStanding
from detector.imagery import DecodedImage
from detector.proofs import Proof
from detector.record import ConsentRecord
from detector.signals import Face, Signals, SignalSet
from detector.stages import Stages


class Decoder(Protocol):
    """Bytes in, upright pixels out. Raises InputError; `source` names the picture in it."""

    def __call__(self, data: bytes, *, source: str) -> DecodedImage: ...


class ReadsCredentials(Protocol):
    """What an encoded picture says of itself. Never raises for what it holds."""

    def read(self, data: bytes) -> Credentials: ...


class Extractor(Protocol):
    """Pictures in, signals out, in the same order. Batches; never raises for a picture that has merely no face."""

    @property
    def made_by(self) -> SignalSet: ...

    def extract(self, images: Sequence[DecodedImage]) -> list[Signals]: ...


@runtime_checkable
class Screener(Protocol):
    """A cheap first look at every face, and the full look at those that may be somebody.

    `screen` answers as an `Extractor` does, with vectors that are good enough to tell who is worth a second look;
    `refine` gives the same faces with the vectors that verdicts rest on, in the same order.
    """

    @property
    def stages(self) -> Stages:
        """The clock that its work is counted by."""
        ...

    def load_ahead(self) -> None:
        """Begin to make the first look ready, and come back at once."""
        ...

    def screen(self, images: Sequence[DecodedImage]) -> list[Signals]: ...

    def refine(self, faces: Sequence[Face]) -> list[Face]: ...


class CandidateSearch(Protocol):
    """Signals in, raw evidence out, in the same order. `top` limits the talents per face and the references per picture.

    Raises SignalMismatch when the signals were made by something else than what is indexed.
    """

    @property
    def registry_size(self) -> int:
        """How many talents can be found: thresholds depend on it."""
        ...

    def search(self, signals: Sequence[Signals], top: int) -> list[Candidates]: ...


class CopyProver(Protocol):
    """Geometry: does this reference lie in this picture, and where?"""

    def prove(
        self, image: DecodedImage, faces: Sequence[Face], shortlist: Sequence[CopyCandidate]
    ) -> Mapping[str, Proof | None]:
        """By reference id, what was measured; None where it was looked for in vain, absent where nothing can be said
        (no local features are kept of it, or either picture is too plain). Best first; a talent's further references
        count as looked for once one is clear. Raises StoreError."""
        ...


class ConsentBook(Protocol):
    """The consent records and the standing of talents, read from the store of truth."""

    def standing(self, talent_ids: Sequence[str], at: datetime) -> Mapping[str, TalentStanding]: ...

    def records(self, talent_ids: Sequence[str]) -> Mapping[str, Sequence[ConsentRecord]]: ...

    def clients_of_domain(self, domain: str) -> Sequence[str]:
        """Clients whose consent records name this web domain as theirs (exact, or a parent domain)."""
        ...


class FileLookup(Protocol):
    """Which references are the very same file."""

    def references_of_files(self, sha256s: Sequence[str]) -> Mapping[str, Sequence[tuple[str, str]]]:
        """For each SHA-256 (hex) that is a reference's: its (talent id, reference id) pairs."""
        ...
