"""The composition root: settings in, everything that works together out. Engines and networks are built
here only.

    Settings ─▶ Store · WeightsCache ─▶ extractor ─▶ Registry ─▶ Detector, Enroller

Every part is built when it is first asked for and kept until `close`: a command that only lists talents
loads no network. What the process cannot decide itself (the time, which extractor, who watches a
download) comes in as `Parts`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol, Self

from api.coverage import Gap, gaps, require_faces
from api.credentials import credential_reader
from api.registration import Registration
from api.settings import Configured, Settings
from data.calibration import CalibrationTables, read_tables
from data.samples import SampleCache
from data.store import NewReference, Store, StoreConsentBook
from data.vault import Vault
from data.vault_keys import keys_from
from data.weights import Progress, WeightsCache, WeightsStatus
from detector.candidates import Candidates
from detector.credentials.reading import CredentialReader
from detector.decoding import DecodeLimits, decode
from detector.errors import StoreError, WeightsError
from detector.geometry.proving import GeometricProver
from detector.geometry.references import ReferenceFeatures
from detector.imagery import DecodedImage
from detector.matching import MatchPolicy
from detector.pipeline import Detector, DetectorPorts
from detector.ports import Screener
from detector.runtime import one_core_a_call
from detector.signals import SignalId, SignalKind, Signals
from indexer import snapshot
from indexer.enrolment import AcceptedReference, Enroller, EnrolmentPorts, ReferenceStore
from indexer.registry import Registry
from indexer.reindexing import ReferenceExtractor

THOROUGH_SIDE = 4000
"""The longer side, in pixels, that pictures keep at least while small faces are looked for."""


class Decoder(Protocol):
    def __call__(self, data: bytes, *, source: str) -> DecodedImage: ...


class ClosableExtractor(ReferenceExtractor, Protocol):
    """An extractor that holds threads."""

    def close(self) -> None: ...


class BuildsExtractor(Protocol):
    def __call__(self, settings: Settings, weights: WeightsCache) -> ClosableExtractor: ...


def _now() -> datetime:
    return datetime.now(UTC)


def _silent(_: Progress) -> None:
    """A download that nobody watches."""


def _real_extractor(settings: Settings, weights: WeightsCache) -> ClosableExtractor:
    from api.networks import build_extractor

    return build_extractor(settings, weights)


@dataclass(frozen=True, slots=True)
class Parts:
    """What comes from outside the settings."""

    clock: Callable[[], datetime] = _now
    extractor: BuildsExtractor = _real_extractor
    progress: Callable[[Progress], None] = _silent


class Application:
    """Everything of one installation, each part built on first use. A context manager; threads may share
    it once the parts they need are built.
    """

    def __init__(self, configured: Configured, parts: Parts | None = None) -> None:
        self.configured = configured
        self.settings = configured.settings
        self.parts = parts or Parts()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()

    @property
    def clock(self) -> Callable[[], datetime]:
        return self.parts.clock

    @cached_property
    def store(self) -> Store:
        """The store, its schema up to date. Raises StoreError."""
        private_folder(self.settings.state_dir)
        blobs = self.settings.state_dir / "blobs"
        store = Store.open(
            self.settings.database_url,
            clock=self.clock,
            blob_dir=blobs,
            vault=self.vault,
            forget=partial(discard_snapshot, self.snapshot_path),
        )
        return self._open.enter_context(store)

    @cached_property
    def vault(self) -> Vault:
        """What encrypts the store's vectors and pictures and the snapshot. Raises VaultError, SettingsError."""
        settings = self.settings
        text = settings.vault_keys.get_secret_value() if settings.vault_keys else None
        return Vault(keys_from(settings.vault_key_file, text))

    @cached_property
    def registration(self) -> Registration:
        return Registration(self.store, self.clock)

    @cached_property
    def weights(self) -> WeightsCache:
        return self._weights(self.settings.offline)

    def fetch_nothing(self) -> None:
        """From now on what is absent stays absent, and its signal is off: for a look that changes nothing."""
        self.weights = self._weights(offline=True)

    def _weights(self, offline: bool) -> WeightsCache:
        settings = self.settings
        return WeightsCache(settings.cache_dir, settings.weights_dirs, offline, self.parts.progress)

    def wanted_weights(self) -> list[WeightsStatus]:
        """The files that these settings make use of, and whether they are here."""
        from api.networks import wanted

        return self.weights.statuses(wanted(self.settings))

    def needed_weights(self) -> list[WeightsStatus]:
        """Those of them without which nothing works."""
        from api.networks import needed

        return self.weights.statuses(needed(self.settings))

    @cached_property
    def samples(self) -> SampleCache:
        """The sample portraits of the demo."""
        return SampleCache(self.settings.cache_dir, self.settings.offline, self.parts.progress)

    @cached_property
    def extractor(self) -> ReferenceExtractor:
        """The networks. A signal whose extra or weights are missing is off; `made_by.absent` says why."""
        one_core_a_call()
        extractor = self.parts.extractor(self.settings, self.weights)
        self._open.callback(extractor.close)
        return extractor

    @cached_property
    def registry(self) -> Registry:
        """The index, caught up with the store."""
        made_by = self.extractor.made_by
        table = None if made_by.face is None else self.calibration.faces.get(made_by.face)
        commonness = None if table is None else table.commonness
        return Registry.open(made_by, self.store.changes, self.snapshot_path, commonness, self.vault)

    @property
    def kept_signals(self) -> tuple[SignalId, ...]:
        """What is kept of a reference: the signals that are searched, and what proves a copy."""
        return (*self.extractor.made_by.ids, self.reference_features.signal)

    @cached_property
    def reference_features(self) -> ReferenceFeatures:
        return ReferenceFeatures(self.pool.map)

    @cached_property
    def gaps(self) -> list[Gap]:
        """The signals in use that references lack, as it was at the first look."""
        return gaps(self.store, self.kept_signals, self.clock())

    @property
    def snapshot_path(self) -> Path:
        return self.settings.state_dir / "index.snapshot"

    @cached_property
    def calibration(self) -> CalibrationTables:
        """The user's own tables, and those that come with Lookalike for all other signals."""
        return read_tables(self.calibration_dir).over(read_tables())

    @property
    def calibration_dir(self) -> Path:
        """Where `lookalike calibrate` keeps the user's own tables."""
        return self.settings.state_dir / "calibration"

    def policy(self, registry_size: int) -> MatchPolicy:
        """How strict to be with that many talents. Raises WeightsError where faces are off."""
        made_by = self.extractor.made_by
        if made_by.face is None:
            raise WeightsError(made_by.absent.get(SignalKind.FACE, "the face signal is off"))
        return MatchPolicy(
            calibration=self.calibration.face(made_by.face),
            registry_size=registry_size,
            target_fpir=self.settings.target_fpir,
            possible_fpir=self.settings.possible_fpir,
            copies=self.calibration.copies_of(self.kept_signals),
        )

    @cached_property
    def credentials(self) -> CredentialReader:
        """What files say of themselves. Raises SettingsError for a trust list that can't be used."""
        return credential_reader(self.settings)

    @cached_property
    def decoder(self) -> Decoder:
        """The one decoder, under this installation's limits."""
        settings = self.settings
        limits = DecodeLimits(
            max_bytes=settings.decode_max_bytes,
            max_pixels=settings.decode_max_pixels,
            long_side=max(settings.decode_long_side, THOROUGH_SIDE if settings.thorough else 0),
        )
        return partial(decode, limits=limits)

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        """Threads that decode a roster and prove copies: both release the interpreter lock."""
        return self._open.enter_context(ThreadPoolExecutor(self.threads, thread_name_prefix="decode"))

    @property
    def threads(self) -> int:
        return self.settings.threads or os.cpu_count() or 1

    def detector(self, *, top: int = 0) -> Detector:
        """The pipeline over everything above; `top` candidates are listed per face even below threshold. One
        call keeps one core busy: a scan makes as many at once as there are. Raises SignalMismatch where a reindex is
        needed first."""
        screener = self.extractor if isinstance(self.extractor, Screener) else None
        if screener is not None:
            screener.load_ahead()
        require_faces(self.gaps, partially=self.settings.answer_partially)
        ports = DetectorPorts(
            decode=self.decoder,
            extractor=self.extractor,
            search=Following(self.registry),
            book=StoreConsentBook(self.store),
            files=self.store.references,
            policy=self.policy,
            clock=self.clock,
            screener=screener,
            prover=GeometricProver(self.store.references),
            credentials=self.credentials,
            map_prove=self.pool.map,
        )
        return Detector(ports, top=top)

    @cached_property
    def enroller(self) -> Enroller:
        """What judges and keeps references. Raises as `enroller_keeping`."""
        return self.enroller_keeping(KeptReferences(self.store))

    def enroller_keeping(
        self, references: ReferenceStore, name_of: Callable[[str], str] | None = None
    ) -> Enroller:
        """The same, where something else is to happen when a reference is kept, or talents are called something else
        than their references. Raises WeightsError where faces are off, SignalMismatch where a reindex is needed
        first."""
        require_faces(self.gaps, partially=self.settings.answer_partially)
        ports = EnrolmentPorts(
            decode=self.decoder,
            extractor=self.extractor,
            registry=self.registry,
            store=references,
            policy=self.policy,
            local=self.reference_features,
            map_decode=self.pool.map,
            name_of=name_of or (lambda talent_id: self.store.talents.get(talent_id).ref),
        )
        return Enroller(ports)


class Following:
    """A search that first takes in what the store has committed: other processes' changes count at once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @property
    def registry_size(self) -> int:
        return self._registry.registry_size

    def search(self, signals: Sequence[Signals], top: int) -> list[Candidates]:
        self._registry.refresh()
        return self._registry.search(signals, top)


class KeptReferences:
    """The store as enrolment asks for it (`indexer.enrolment.ReferenceStore`): indexer and data never
    meet.
    """

    def __init__(self, store: Store) -> None:
        self._references = store.references

    def references_of_files(self, sha256s: Sequence[str]) -> Mapping[str, Sequence[tuple[str, str]]]:
        return self._references.references_of_files(sha256s)

    def add(self, talent_id: str, reference: AcceptedReference) -> str:
        new = NewReference(
            picture=reference.picture,
            source=reference.source,
            box=reference.box,
            landmarks=reference.landmarks,
            quality=reference.quality,
            signals=reference.signals,
            detection_score=reference.detection_score,
        )
        return self._references.add(talent_id, new).id


def discard_snapshot(path: Path) -> None:
    """Delete the index snapshot, since somebody who was erased may be in it; whoever needs one writes it anew. Raises
    StoreError."""
    try:
        snapshot.discard(path)
    except OSError as error:
        raise StoreError(
            f"the index snapshot {path} still holds what was erased and can't be deleted ({error.strerror}): "
            "delete it by hand"
        ) from error


def private_folder(path: Path) -> None:
    """Make a folder that only its owner may read. Raises StoreError when that can't be done."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreError(
            f"the folder {path} can't be made: {error.strerror}; see the setting state_dir"
        ) from error
