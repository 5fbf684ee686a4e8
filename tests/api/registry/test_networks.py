"""The real extractor out of the settings: an image signal that is off has its reason, the rest works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.networks import build_extractor
from api.settings import Settings
from data.calibration import read_tables
from data.weights import WeightsCache, manifest
from detector.errors import WeightsError
from detector.signals import SignalKind


def settings_for(folder: Path, model: str | None) -> Settings:
    return Settings(state_dir=folder, cache_dir=folder, offline=True, threads=1, image_network=model)


@pytest.mark.weights
@pytest.mark.parametrize(
    ("model", "reason"),
    [(None, "image_network is none"), ("local-dir:no/clip/here", "clip")],
    ids=["unset", "unusable"],
)
def test_an_image_signal_that_is_off_says_why(
    tmp_path: Path, weights_dir: Path, model: str | None, reason: str
) -> None:
    settings = settings_for(tmp_path, model)
    extractor = build_extractor(settings, WeightsCache(tmp_path, [weights_dir], offline=True))
    made_by = extractor.made_by
    extractor.close()
    assert made_by.image is None
    assert made_by.face is not None
    assert made_by.hashes
    assert made_by.absent.keys() == {SignalKind.IMAGE}
    assert reason in made_by.absent[SignalKind.IMAGE]


@pytest.mark.weights
@pytest.mark.parametrize(("name", "side"), [("sscd", 160), ("sscd-224", 224)])
def test_the_image_network_is_sscd_at_the_side_that_is_asked_for(
    tmp_path: Path, weights_dir: Path, name: str, side: int
) -> None:
    settings = settings_for(tmp_path, name)
    extractor = build_extractor(settings, WeightsCache(tmp_path, [weights_dir], offline=True))
    made_by = extractor.made_by
    extractor.close()
    assert str(made_by.image) == f"image/sscd@int8-0.1.0/square{side}.area"
    assert made_by.absent == {}
    assert made_by.image in read_tables().copies


@pytest.mark.weights
def test_without_its_weights_sscd_is_off_and_faces_work(tmp_path: Path, weights_dir: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for entry in manifest():
        if entry.name in ("yunet", "sface"):
            (mine / entry.file).symlink_to(weights_dir / entry.file)
    extractor = build_extractor(settings_for(tmp_path, "sscd"), WeightsCache(tmp_path, [mine], offline=True))
    made_by = extractor.made_by
    extractor.close()
    assert made_by.face is not None
    assert made_by.image is None
    assert "sscd.onnx" in made_by.absent[SignalKind.IMAGE]
    assert "offline" in made_by.absent[SignalKind.IMAGE]


def test_without_face_weights_there_is_no_extractor(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="offline"):
        build_extractor(settings_for(tmp_path, None), WeightsCache(tmp_path, offline=True))


@pytest.mark.weights
def test_with_the_real_networks_doctor_names_what_made_each_signal(
    here: Any, weights_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.composition import Parts

    monkeypatch.setenv("LOOKALIKE_WEIGHTS_DIRS", str(weights_dir))
    monkeypatch.setenv("LOOKALIKE_IMAGE_NETWORK", "")
    here.parts = Parts(clock=here.parts.clock)
    report = here.json("doctor")
    (signals,) = [section for section in report["sections"] if section["section"] == "signals"]
    made = {row["made by, or why off"] for row in signals["rows"]}
    assert any(text.startswith("face/sface@2021dec/") for text in made)
    assert "the setting image_network is none" in made
    assert signals["remarks"] == ["the image signal is off: the setting image_network is none"]
