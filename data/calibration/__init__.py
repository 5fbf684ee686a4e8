"""The calibration tables that come with Lookalike: one JSON file per signal id, each with how it was made.

    signal id ─ find its file ─▶ FaceCalibration or CopyCalibration

A table is found by the whole signal id. A face signal without a table is an error, since no similarity of
it could be judged; a copy signal without one is merely left out, since it still serves as a shortlist."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from detector.calibration import CopyCalibration, FaceCalibration, Monotone
from detector.commonness import Commonness
from detector.errors import SettingsError
from detector.signals import SignalId, SignalKind

Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CalibrationTables:
    """All tables of one folder, read once. `files`: where each was read from."""

    faces: Mapping[SignalId, FaceCalibration]
    copies: Mapping[SignalId, CopyCalibration]
    files: Mapping[SignalId, str] = field(default_factory=dict)

    def over(self, base: CalibrationTables) -> CalibrationTables:
        """These tables, and those of `base` for all other signals."""
        return CalibrationTables(
            {**base.faces, **self.faces}, {**base.copies, **self.copies}, {**base.files, **self.files}
        )

    def face(self, signal: SignalId) -> FaceCalibration:
        """The table of a face signal. Raises SettingsError when there is none."""
        table = self.faces.get(signal)
        if table is None:
            known = ", ".join(str(name) for name in sorted(self.faces)) or "none"
            raise SettingsError(
                f"no calibration for the face signal {signal}, so no similarity of it can be judged; "
                f"run `lookalike calibrate MANIFEST` on labelled pictures of your own (tables found: {known})",
                code="not_calibrated",
            )
        return table

    def copies_of(self, signals: Iterable[SignalId]) -> dict[SignalId, CopyCalibration]:
        """The tables of those copy signals that have one."""
        return {signal: self.copies[signal] for signal in signals if signal in self.copies}


def read_tables(folder: Path | None = None) -> CalibrationTables:
    """Read every table of `folder`, by default those that come with Lookalike; a folder that isn't there has none.

    Raises SettingsError, naming the file, for one that is not a calibration table.
    """
    root = resources.files(__name__) if folder is None else folder
    faces: dict[SignalId, FaceCalibration] = {}
    copies: dict[SignalId, CopyCalibration] = {}
    files: dict[SignalId, str] = {}
    for file in _json_files(root):
        table = _read(file)
        files[table.signal] = str(file)
        if isinstance(table, FaceCalibration):
            faces[table.signal] = table
        else:
            copies[table.signal] = table
    return CalibrationTables(faces, copies, files)


def _json_files(root: Traversable) -> Iterator[Traversable]:
    files = (file for file in (root.iterdir() if root.is_dir() else ()) if file.name.endswith(".json"))
    yield from sorted(files, key=lambda file: file.name)


def _read(file: Traversable) -> FaceCalibration | CopyCalibration:
    try:
        return parse_table(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{file} is not a calibration table: {error!r}") from error


def parse_table(table: Table) -> FaceCalibration | CopyCalibration:
    """One table from its JSON. Raises ValueError, KeyError or TypeError when a field is missing or
    malformed."""
    signal = SignalId.parse(table["signal"])
    if signal.kind is SignalKind.FACE:
        return FaceCalibration(
            signal=signal,
            template_weight=float(table["template_weight"]),
            strength=_monotone(table["strength"]),
            log_false_match=_monotone(table["log_false_match"]),
            made=json.dumps(table["made"], sort_keys=True),
            commonness=_commonness(table["commonness"]) if "commonness" in table else None,
        )
    return CopyCalibration(
        signal=signal,
        strength=_monotone(table["strength"]),
        near=float(table["near"]),
        very_near=float(table["very_near"]),
        made=json.dumps(table["made"], sort_keys=True),
        looser=float(table["shortlist"]) if "shortlist" in table else None,
    )


def table_text(table: FaceCalibration, made: Mapping[str, Any]) -> str:
    """The file of a face signal's table, as `read_tables` reads it. made: how it was made, for people to read."""
    written = {
        "signal": str(table.signal),
        "template_weight": table.template_weight,
        "strength": table.strength.knots,
        "log_false_match": table.log_false_match.knots,
        "made": dict(made),
        **({} if table.commonness is None else {"commonness": _commonness_text(table.commonness)}),
    }
    return json.dumps(written, indent=1, ensure_ascii=False) + "\n"


def _commonness(table: Table) -> Commonness:
    """`mean` and the lower triangle of `covariance`, row by row, as base64 of little-endian float32."""
    mean, lower = (np.frombuffer(base64.b64decode(table[name]), "<f4") for name in ("mean", "covariance"))
    covariance = np.zeros((len(mean), len(mean)), np.float32)
    covariance[np.tril_indices(len(mean))] = lower
    covariance.T[np.tril_indices(len(mean))] = lower
    return Commonness(mean, covariance, float(table["typical"]))


def _commonness_text(commonness: Commonness) -> Table:
    lower = commonness.covariance[np.tril_indices(len(commonness.mean))]
    packed = (
        base64.b64encode(values.astype("<f4").tobytes()).decode() for values in (commonness.mean, lower)
    )
    return {"typical": commonness.typical, **dict(zip(("mean", "covariance"), packed, strict=True))}


def _monotone(points: Iterable[tuple[float, float]]) -> Monotone:
    return Monotone(tuple((float(x), float(y)) for x, y in points))
