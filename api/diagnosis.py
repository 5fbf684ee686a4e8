"""What `lookalike doctor` finds: every part of an installation looked at, none of them trusted to work.

    Application ─ one function per section ─▶ Section (rows, problems, remarks) ─▶ printed by the command

A problem is something that is needed and missing: `doctor` then ends with 1. A remark is worth knowing
and stops nothing (a signal that is off, a snapshot that will be rebuilt). A section that fails by a
LookalikeError becomes a problem of that section, the others go on. Nothing here measures time.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url

import data.migrations
from api.composition import Application
from api.encryption import encryption_problems, encryption_remarks, key_rows
from api.face_networks import known
from api.settings import Configured, Settings
from data.weights import WeightsStatus, manifest
from detector.credentials.trust import read_trust_lists
from detector.errors import LookalikeError
from detector.matching import SMALLEST_REGISTRY
from detector.precision import Choice
from detector.runtime import cores
from detector.signals import SignalId

PACKAGES = (
    "lookalike", "numpy", "opencv-python-headless", "openvino", "faiss-cpu", "pillow", "pillow-heif",
    "c2pa-python", "sqlalchemy", "alembic", "pydantic", "open_clip_torch", "torch",
)  # fmt: skip
"""Distributions whose versions decide what a result is; the last two come with the extra `clip`."""

SIZES = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
"""Registry sizes of the table of thresholds."""

RATES = (0.05, 0.01, 0.003, 0.001)
"""False-positive identification rates shown for the registry as it is, beside those of the settings."""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the installation. `rows` have a cell per column."""

    name: str
    columns: tuple[str, ...] = ("name", "value")
    rows: Sequence[tuple[Any, ...]] = ()
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "section": self.name,
            "rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows],
            "problems": list(self.problems),
            "remarks": list(self.remarks),
        }


def diagnose(application: Application) -> list[Section]:
    """Every section, in the order in which a person reads them. Nothing is fetched for it."""
    application.fetch_nothing()
    looks: Mapping[str, Callable[[Application], Section]] = {
        "versions": _versions,
        "settings": lambda application: _settings(application.configured),
        "machine": _machine,
        "weights": _weights,
        "store": _store,
        "encryption": _encryption,
        "credentials": _credentials,
        **(_OF_NETWORKS if _networks_can_run(application) else {}),
    }
    return [_looked_at(name, look, application) for name, look in looks.items()]


def _networks_can_run(application: Application) -> bool:
    """Whether the extractor can be built without fetching anything: a diagnosis changes nothing."""
    return all(one.presence == "present" for one in application.needed_weights())


def _looked_at(name: str, look: Callable[[Application], Section], application: Application) -> Section:
    try:
        return look(application)
    except LookalikeError as error:
        return Section(name, problems=(f"{error.detail} [{error.code}]",))


def _versions(_: Application) -> Section:
    python = ("python", platform.python_version())
    return Section(
        "versions", ("package", "version"), (python, *((name, _version(name)) for name in PACKAGES))
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _settings(configured: Configured) -> Section:
    values = configured.settings.model_dump()
    rows = [(name, _value(name, values[name]), str(origin)) for name, origin in configured.origins.items()]
    ignored = tuple(
        f"the variable {name} names no setting and is ignored{hint}"
        for name, hint in (configured.ignored or {}).items()
    )
    return Section("settings", ("setting", "value", "from"), rows, remarks=ignored)


def _value(name: str, value: Any) -> Any:
    """A value as a person reads it. A URL's password is never shown."""
    if name == "store_url" and value:
        return make_url(value).render_as_string(hide_password=True)
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value


def _machine(application: Application) -> Section:
    import openvino

    from detector.hash_peer import differing_bits

    devices = ", ".join(openvino.Core().available_devices)
    differing = differing_bits()
    rows = (
        ("system", platform.platform()),
        ("cores", cores()),
        ("threads", application.threads),
        ("networks run on", f"CPU (OpenVINO sees {devices})"),
        ("hashes", f"bits that differ from imagehash {version('imagehash')}: {differing}"),
    )
    return Section("machine", rows=rows, problems=_hash_problems(differing))


def _hash_problems(differing: int) -> tuple[str, ...]:
    if not differing:
        return ()
    return (
        f"perceptual hashes made here differ from imagehash's in {differing} bits of a few made-up pictures: "
        "don't compare them with hashes made elsewhere, and report it with this table",
    )


def _weights(application: Application) -> Section:
    found = application.weights.statuses()
    rows = [
        (one.entry.name, one.entry.revision, str(one.presence), one.path, one.entry.licence) for one in found
    ]
    settings = application.settings
    own = settings.face_networks.get(settings.face_network)
    if own is not None:
        here = "present" if own.file.is_file() else "absent"
        rows.append((settings.face_network, own.revision, here, own.file, own.licence))
    needed, wanted = _missing(application.needed_weights()), _missing(application.wanted_weights())
    return Section(
        "weights",
        ("name", "revision", "status", "path", "licence"),
        rows,
        needed,
        (*(one for one in wanted if one not in needed), *_licences(settings)),
    )


def _licences(settings: Settings) -> Iterator[str]:
    """What a network in use forbids."""
    name, listed = settings.face_network, known(manifest())
    network = settings.face_networks.get(name) or listed.get(name)
    if network is not None and not network.commercial:
        yield f"the face network {name} may not be used commercially (licence: {network.licence})"


def _missing(statuses: Sequence[WeightsStatus]) -> tuple[str, ...]:
    absent = (one for one in statuses if one.presence != "present")
    return tuple(f"{one.detail}; run `lookalike weights pull`" for one in absent)


def _signals(application: Application) -> Section:
    made_by = application.extractor.made_by
    on = [(signal.kind, "on", str(signal)) for signal in made_by.ids]
    off = [(kind, "off", reason) for kind, reason in made_by.absent.items()]
    faces = () if made_by.face else ("the face signal is off: nobody can be recognised",)
    remarks = tuple(f"the {kind} signal is off: {why}" for kind, why in made_by.absent.items())
    return Section("signals", ("signal", "state", "made by, or why off"), [*on, *off], faces, remarks)


@runtime_checkable
class _Chooses(Protocol):
    def precisions(self) -> Mapping[SignalId, Choice]: ...


def _precision(application: Application) -> Section:
    """What each network with a choice runs in here, and why."""
    extractor = application.extractor
    choices = extractor.precisions() if isinstance(extractor, _Chooses) else {}
    rows = [(str(signal), str(choice.precision), choice.why) for signal, choice in choices.items()]
    return Section("precision", ("signal", "runs in", "why"), rows)


def _store(application: Application) -> Section:
    store = application.store
    talents = store.talents.list(erased=True)
    faults = store.audit.verify()
    rows = (
        ("database", make_url(application.settings.database_url).render_as_string(hide_password=True)),
        ("schema", _newest_schema()),
        ("talents", sum(talent.erased_at is None for talent in talents)),
        ("erased talents", sum(talent.erased_at is not None for talent in talents)),
        ("references", sum(store.references.counts().values())),
        ("consent records", len(store.consents.list())),
        ("last change", store.changes.head()),
        ("audit events", store.audit.head()[0]),
    )
    problems = tuple(f"the audit chain is broken at event {one.number}: {one.detail}" for one in faults)
    return Section("store", rows=rows, problems=problems)


def _credentials(application: Application) -> Section:
    """Whom the C2PA manifests of pictures are checked against."""
    settings = application.settings
    trust = read_trust_lists(settings.c2pa_trust_lists)
    rows = (
        ("trusted authorities", trust.count),
        ("remote manifests", "fetched" if settings.c2pa_fetch and not settings.offline else "not fetched"),
    )
    remark = "no trust list, so no C2PA signer is trusted; see the setting c2pa_trust_lists"
    return Section("credentials", rows=rows, remarks=() if trust else (remark,))


def _encryption(application: Application) -> Section:
    """Keys, and what is sealed with which; without any it is said that nothing is encrypted."""
    rows = key_rows(application.store)
    remarks = [*encryption_remarks(rows), *_readable_by_others(application.settings.vault_key_file)]
    columns = ("key", "state", "vectors", "pictures", "secrets")
    return Section("encryption", columns, rows, tuple(encryption_problems(rows)), tuple(remarks))


def _readable_by_others(path: Path | None) -> Iterator[str]:
    if path is not None and os.name == "posix" and path.stat().st_mode & 0o077:
        yield f"the vault's key file {path} can be read by others than its owner: chmod 600 it"


def _newest_schema() -> str | None:
    """What the store has been brought to by opening it."""
    return ScriptDirectory(data.migrations.__path__[0]).get_current_head()


def _index(application: Application) -> Section:
    registry = application.registry
    path = application.snapshot_path
    rows = (
        ("snapshot", path),
        ("bytes", path.stat().st_size if path.exists() else None),
        ("taken in up to change", registry.change_number),
        ("newest change of the store", application.store.changes.head()),
        ("talents that can be found", registry.registry_size),
    )
    why = registry.rebuilt_because
    return Section("index", rows=rows, remarks=(f"{why}; it was rebuilt from the store",) if why else ())


def _coverage(application: Application) -> Section:
    """Which signals the references have vectors of: those in use, and those that a change of network left behind."""
    counts = application.store.coverage.counts()
    used = application.kept_signals
    total = sum(application.store.references.counts().values())
    left = [signal for signal in counts if signal not in used]
    rows = [(str(signal), "in use", counts.get(signal, 0), total) for signal in used]
    rows += [(str(signal), "not in use", counts[signal], total) for signal in left]
    missing = application.gaps
    remarks = [str(gap) for gap in missing if not gap.faces]
    if left and not missing:
        remarks.append(
            "vectors of signals that are not in use are kept; `lookalike reindex --prune` deletes those replaced"
        )
    return Section(
        "coverage",
        ("signal", "state", "references with it", "references"),
        rows,
        tuple(str(gap) for gap in missing if gap.faces),
        tuple(remarks),
    )


def _calibration(application: Application) -> Section:
    """Where the tables of the signals in use come from."""
    tables, used = application.calibration, application.kept_signals
    faces = {signal: table.made for signal, table in tables.faces.items()}
    copies = {signal: table.made for signal, table in tables.copies.items()}
    made = {**faces, **copies}
    rows = [(str(signal), tables.files.get(signal), _told(made.get(signal))) for signal in used]
    return Section("calibration", ("signal", "table", "how it was made"), rows)


def _told(made: str | None) -> str | None:
    """A table's own account of itself, as one line."""
    if not made:
        return None
    facts: Mapping[str, Any] = json.loads(made)
    return "; ".join(
        f"{name}: {' / '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in facts.items()
    )


def _rates(application: Application) -> Section:
    """Of the registry as it is: what a face must reach so that strangers hit somebody no more often than so."""
    made_by, size = application.extractor.made_by, application.registry.registry_size
    if made_by.face is None:
        return Section("rates", remarks=("no face signal, so no thresholds",))
    table = application.calibration.face(made_by.face)
    judged_as = max(size, SMALLEST_REGISTRY)
    rows = []
    for rate in sorted(
        {*RATES, application.settings.target_fpir, application.settings.possible_fpir}, reverse=True
    ):
        strength = table.threshold(rate, judged_as)
        rows.append((f"{rate:.2%}", round(strength, 3), round(table.strength.inverse()(strength), 3)))
    return Section(
        "rates",
        ("strangers who hit somebody", "strength", "similarity"),
        rows,
        remarks=(f"for {size} talents, judged like {judged_as}",),
    )


def _thresholds(application: Application) -> Section:
    """From which strength on a face matches, and the similarity that is (nearest reference and template
    alike).
    """
    made_by = application.extractor.made_by
    if made_by.face is None:
        return Section("thresholds", remarks=("no face signal, so no thresholds",))
    table = application.calibration.face(made_by.face)
    similarity = table.strength.inverse()
    sizes = sorted({*SIZES, max(1, application.registry.registry_size)})
    rows = []
    for size in sizes:
        bands = application.policy(size).bands
        sure, possible = bands.match, bands.possible
        rows.append((size, *(round(x, 3) for x in (sure, similarity(sure), possible, similarity(possible)))))
    columns = ("talents", "match: strength", "similarity", "possible: strength", "similarity ")
    return Section("thresholds", columns, rows)


_OF_NETWORKS: Mapping[str, Callable[[Application], Section]] = {
    "signals": _signals,
    "precision": _precision,
    "index": _index,
    "coverage": _coverage,
    "calibration": _calibration,
    "rates": _rates,
    "thresholds": _thresholds,
}
"""Sections that need the networks' identities; without weights there is nothing to say beyond that."""
