"""The real extractor out of the settings: an image signal that is off has its reason, the rest works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.networks import build_extractor
from api.settings import Settings
from data.weights import WeightsCache
from detector.errors import WeightsError
from detector.signals import SignalKind


def settings_for(folder: Path, model: str | None) -> Settings:
    return Settings(state_dir=folder, cache_dir=folder, offline=True, threads=1, image_network=model)


@pytest.mark.weights
@pytest.mark.parametrize(
    ("model", "reason"),
    [(None, "image_network is none"), ("no-spec-at-all", "clip")],
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
