"""The shipped calibration tables and their loader."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from data.calibration import parse_table, read_tables, table_text
from detector.calibration import CopyCalibration, FaceCalibration
from detector.errors import SettingsError
from detector.faces.sface import SFACE, SIGNAL
from detector.hashing import KINDS, HashKind
from detector.signals import SignalId, SignalKind

FACE_TABLE = {
    "signal": "face/toy@1/none",
    "template_weight": 0.5,
    "strength": [[0, -10], [1, 10]],
    "log_false_match": [[-10, -1], [10, -20]],
    "made": {"how": "by hand"},
}
HASH_TABLE = {
    "signal": "hash/phash@1/64",
    "strength": [[0, -30], [1, 15]],
    "near": 0.85,
    "very_near": 0.95,
    "made": {},
}


def keep(folder: Path, name: str, table: object) -> None:
    (folder / name).write_text(json.dumps(table), encoding="utf-8")


def test_the_shipped_face_signal_is_calibrated() -> None:
    table = read_tables().face(SIGNAL)
    assert table.signal == SIGNAL
    assert 0 <= table.template_weight <= 1
    assert "LFW" in table.made or "Labeled Faces" in table.made


def test_the_shipped_table_asks_for_what_was_measured() -> None:
    """A registry of some hundred talents needs a score between 0.40 and 0.50 at FPIR 1 % (docs/thresholds.md)."""
    table = read_tables().face(SIGNAL)
    score = table.strength.inverse()(table.threshold(0.01, 268))
    assert 0.40 < score < 0.50
    assert table.threshold(0.003, 268) > table.threshold(0.01, 268)


def test_the_shipped_table_knows_how_common_a_template_is() -> None:
    commonness = read_tables().face(SIGNAL).commonness
    assert commonness is not None
    assert commonness.mean.shape == (SFACE.dimension,)
    assert np.allclose(commonness.covariance, commonness.covariance.T)
    assert np.linalg.eigvalsh(commonness.covariance).min() > 0
    assert np.trace(commonness.covariance) + commonness.mean @ commonness.mean == pytest.approx(1, abs=1e-3)


def test_a_table_comes_back_as_it_was_written() -> None:
    table = read_tables().face(SIGNAL)
    again = parse_table(json.loads(table_text(table, {"how": "again"})))
    assert isinstance(again, FaceCalibration)
    assert (again.strength, again.log_false_match) == (table.strength, table.log_false_match)
    assert table.commonness is not None
    assert again.commonness is not None
    assert np.array_equal(again.commonness.mean, table.commonness.mean)
    assert np.array_equal(again.commonness.covariance, table.commonness.covariance)
    assert again.commonness.typical == table.commonness.typical


def test_a_table_without_commonness_leaves_scores_as_they_are(tmp_path: Path) -> None:
    keep(tmp_path, "face.json", FACE_TABLE)
    assert read_tables(tmp_path).face(SignalId.parse("face/toy@1/none")).commonness is None


def test_a_folder_is_read_by_kind(tmp_path: Path) -> None:
    keep(tmp_path, "face.json", FACE_TABLE)
    keep(tmp_path, "hash.json", HASH_TABLE)
    (tmp_path / "notes.txt").write_text("not a table")
    tables = read_tables(tmp_path)
    face, phash = SignalId.parse("face/toy@1/none"), SignalId.parse("hash/phash@1/64")
    assert isinstance(tables.face(face), FaceCalibration)
    assert tables.face(face).made == '{"how": "by hand"}'
    assert isinstance(tables.copies[phash], CopyCalibration)
    assert tables.copies_of([phash, SignalId(SignalKind.IMAGE, "x", "1", "y")]) == {
        phash: tables.copies[phash]
    }


def test_an_unknown_face_signal_says_what_to_do(tmp_path: Path) -> None:
    keep(tmp_path, "face.json", FACE_TABLE)
    with pytest.raises(SettingsError, match=r"no calibration .*other@2.*face/toy@1/none") as caught:
        read_tables(tmp_path).face(SignalId.parse("face/other@2/none"))
    assert caught.value.code == "not_calibrated"


def test_an_empty_folder_has_no_table(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="tables found: none"):
        read_tables(tmp_path).face(SIGNAL)


@pytest.mark.parametrize(
    "broken",
    [
        "not json",
        json.dumps({**FACE_TABLE, "signal": "nonsense"}),
        json.dumps({**FACE_TABLE, "strength": [[0, 1], [1, 1]]}),
        json.dumps({key: value for key, value in FACE_TABLE.items() if key != "made"}),
        json.dumps([1, 2]),
        json.dumps({**FACE_TABLE, "commonness": {"typical": 0.2, "mean": "AAAAAA==", "covariance": "?"}}),
    ],
)
def test_a_broken_table_names_its_file(tmp_path: Path, broken: str) -> None:
    (tmp_path / "broken.json").write_text(broken, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"broken\.json"):
        read_tables(tmp_path)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.signal.model)
def test_every_hash_that_is_computed_has_a_table(kind: HashKind) -> None:
    table = read_tables().copies[kind.signal]
    assert 0.8 < table.near < table.very_near < 1
    assert table.strength(1.0) > table.strength(table.near) > 10
