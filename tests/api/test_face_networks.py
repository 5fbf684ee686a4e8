"""Which face network runs: the manifest's, one that needs consent to its licence, one of the user's own."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.face_networks import choose, known
from api.networks import build_extractor, needed
from api.settings import Settings, load_settings
from data.weights import WeightsCache, WeightsEntry, manifest
from detector.decoding import DecodeLimits, decode
from detector.errors import SettingsError, WeightsError
from detector.faces.recogniser import ChannelOrder, FaceNetwork, Recogniser
from detector.faces.sface import SIGNAL
from tests.api.tiny_onnx import CELL, projection, write_recogniser


def own(file: Path, **changes: Any) -> dict[str, Any]:
    described = {
        "file": file,
        "licence": "MIT",
        "commercial": True,
        "dimension": 512,
        "mean": 127.5,
        "std": 127.5,
    }
    return {**described, "accept_unpinned": True, **changes}


def settings_for(folder: Path, **changes: Any) -> Settings:
    fixed = {"state_dir": folder, "cache_dir": folder, "offline": True, "threads": 1, "image_network": None}
    return Settings(**{**fixed, **changes})


def with_own(folder: Path, **changes: Any) -> Settings:
    tables = {"mine": own(write_recogniser(folder / "mine.onnx"), **changes)}
    return settings_for(folder, face_network="mine", face_networks=tables)


def cache_of(folder: Path) -> WeightsCache:
    return WeightsCache(folder, [folder], offline=True)


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def crops(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(1).integers(0, 255, (count, 112, 112, 3), np.uint8))


def expected(pictures: list[np.ndarray], order: ChannelOrder) -> np.ndarray:
    """What the stand-in must give for these crops, in plain numpy."""
    pixels = np.stack(pictures)[..., :: 1 if order is ChannelOrder.RGB else -1].astype(np.float64)
    cells = ((pixels - 127.5) / 127.5).reshape(len(pictures), 8, CELL, 8, CELL, 3).mean(axis=(2, 4))
    return cells.transpose(0, 3, 1, 2).reshape(len(pictures), -1) @ projection(512)


@pytest.mark.parametrize("order", list(ChannelOrder))
def test_range_and_channel_order_are_fed_as_described(tmp_path: Path, order: ChannelOrder) -> None:
    chosen = choose(with_own(tmp_path, order=order), cache_of(tmp_path))
    given = Recogniser(chosen.network, chosen.file, threads=1).plain(crops(3))
    assert np.allclose(given, expected(crops(3), order), atol=1e-3)


def test_the_mirror_is_summed_unless_it_is_switched_off(tmp_path: Path) -> None:
    (crop,) = crops(1)
    chosen = choose(with_own(tmp_path), cache_of(tmp_path))
    both = expected([crop, crop[:, ::-1]], ChannelOrder.RGB).sum(axis=0)
    assert np.allclose(
        Recogniser(chosen.network, chosen.file).vectors([crop]), both / np.linalg.norm(both), atol=1e-4
    )
    plain = choose(with_own(tmp_path, mirror=False), cache_of(tmp_path))
    one = expected([crop], ChannelOrder.RGB)[0]
    assert np.allclose(
        Recogniser(plain.network, plain.file).vectors([crop]), one / np.linalg.norm(one), atol=1e-4
    )
    assert "mirror-sum" in str(chosen.network.signal)
    assert "mirror-sum" not in str(plain.network.signal)


@pytest.mark.parametrize(
    "change", [{"mean": 0.0}, {"std": 1.0}, {"order": "bgr"}, {"mirror": False}, {"revision": "2"}]
)
def test_whatever_changes_the_vectors_changes_the_signal(tmp_path: Path, change: dict[str, Any]) -> None:
    before = choose(with_own(tmp_path), cache_of(tmp_path)).network.signal
    assert choose(with_own(tmp_path, **change), cache_of(tmp_path)).network.signal != before


def test_another_file_under_the_same_name_is_another_signal(tmp_path: Path) -> None:
    settings = with_own(tmp_path)
    before = choose(settings, cache_of(tmp_path)).network.signal
    write_recogniser(tmp_path / "mine.onnx", seed=1)
    assert choose(settings, cache_of(tmp_path)).network.signal != before


def test_an_unpinned_file_is_refused_with_its_hash_until_the_user_agrees(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"sha256 in face_networks\.mine") as caught:
        choose(with_own(tmp_path, accept_unpinned=False), cache_of(tmp_path))
    assert caught.value.code == "weights_unpinned"
    found = digest(tmp_path / "mine.onnx")
    assert found in caught.value.detail
    pinned = with_own(tmp_path, accept_unpinned=False, sha256=found)
    assert choose(pinned, cache_of(tmp_path)).file == tmp_path / "mine.onnx"


def test_a_pinned_file_with_other_bytes_names_both_hashes(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        choose(with_own(tmp_path, sha256="ab" * 32), cache_of(tmp_path))
    assert caught.value.code == "weights_damaged"
    assert "ab" * 32 in caught.value.detail
    assert digest(tmp_path / "mine.onnx") in caught.value.detail


@pytest.mark.parametrize("change", [{"dimension": 128}, {"output": "embedding"}])
def test_a_file_that_is_not_as_described_is_a_sentence(tmp_path: Path, change: dict[str, Any]) -> None:
    chosen = choose(with_own(tmp_path, **change), cache_of(tmp_path))
    with pytest.raises(WeightsError, match="correct the description of the face network mine") as caught:
        Recogniser(chosen.network, chosen.file, threads=1).vectors(crops(2))
    assert caught.value.code == "network_unfit"


def test_a_network_of_larger_crops_is_a_sentence(tmp_path: Path) -> None:
    settings = with_own(tmp_path)
    write_recogniser(tmp_path / "mine.onnx", cell=28)
    chosen = choose(settings, cache_of(tmp_path))
    with pytest.raises(WeightsError, match="correct the description of the face network mine") as caught:
        Recogniser(chosen.network, chosen.file, threads=1).vectors(crops(1))
    assert caught.value.code == "network_unfit"


def test_non_commercial_networks_load_only_when_the_user_says_so(tmp_path: Path) -> None:
    tables = {"lab": own(write_recogniser(tmp_path / "lab.onnx"), commercial=False, licence="research only")}
    asked = settings_for(tmp_path, face_network="lab", face_networks=tables)
    with pytest.raises(WeightsError, match=r"research only.*allow_non_commercial") as caught:
        choose(asked, cache_of(tmp_path))
    assert caught.value.code == "non_commercial"
    agreed = asked.model_copy(update={"allow_non_commercial": True})
    assert choose(agreed, cache_of(tmp_path)).network.name == "lab"


def test_the_manifests_non_commercial_network_is_refused_before_its_file_is_looked_for(
    tmp_path: Path,
) -> None:
    with pytest.raises(WeightsError) as caught:
        choose(settings_for(tmp_path, face_network="w600k-r50"), cache_of(tmp_path))
    assert caught.value.code == "non_commercial"
    agreed = settings_for(tmp_path, face_network="w600k-r50", allow_non_commercial=True)
    with pytest.raises(WeightsError, match=r"w600k_r50\.onnx is not in"):
        choose(agreed, cache_of(tmp_path))


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"'arcface'.*sface, auraface, w600k-r50"):
        choose(settings_for(tmp_path, face_network="arcface"), cache_of(tmp_path))


def test_a_name_of_the_manifest_cannot_be_taken(tmp_path: Path) -> None:
    tables = {"sface": own(write_recogniser(tmp_path / "mine.onnx"))}
    with pytest.raises(SettingsError, match="another name"):
        choose(settings_for(tmp_path, face_networks=tables), cache_of(tmp_path))


def test_the_manifest_describes_its_face_networks() -> None:
    assert known(manifest()).keys() == {"sface", "auraface", "w600k-r50"}
    assert known(manifest())["sface"].face is not None
    assert known(manifest())["sface"].face.signal == SIGNAL
    aura = known(manifest())["auraface"]
    assert (aura.licence, aura.commercial, aura.hub) == ("Apache-2.0", True, "fal/AuraFace-v1")
    assert aura.face == FaceNetwork("auraface", "v1", 512, 127.5, 127.5, ChannelOrder.RGB)


def test_only_the_chosen_networks_file_is_needed(tmp_path: Path) -> None:
    assert needed(settings_for(tmp_path)) == {"yunet", "sface"}
    assert needed(settings_for(tmp_path, face_network="auraface")) == {"yunet", "auraface"}
    assert needed(with_own(tmp_path)) == {"yunet"}


def with_stand_in(tmp_path: Path) -> list[WeightsEntry]:
    """The manifest, AuraFace's entry pinned to a file that can be had here."""
    file = write_recogniser(tmp_path / "glintr100.onnx")
    return [
        replace(entry, sha256=digest(file), size=file.stat().st_size) if entry.name == "auraface" else entry
        for entry in manifest()
    ]


@pytest.mark.weights
def test_auraface_loads_from_a_users_folder_and_finds_the_same_face(
    tmp_path: Path, weights_dir: Path, sample_dir: Path
) -> None:
    entries = with_stand_in(tmp_path)
    settings = settings_for(tmp_path, face_network="auraface", weights_dirs=[tmp_path, weights_dir])
    extractor = build_extractor(
        settings, WeightsCache(tmp_path, [tmp_path, weights_dir], offline=True, entries=entries)
    )
    assert str(extractor.made_by.face).startswith("face/auraface@v1/")
    image = decode((sample_dir / "obama2.jpg").read_bytes(), DecodeLimits())
    ((face,),) = (one.faces for one in extractor.extract([image]))
    extractor.close()
    assert face.vector.shape == (512,)
    assert np.linalg.norm(face.vector) == pytest.approx(1, abs=1e-5)


def test_another_file_under_aurafaces_name_is_refused(tmp_path: Path) -> None:
    write_recogniser(tmp_path / "glintr100.onnx")
    with pytest.raises(WeightsError, match="auraface v1 has a7933ea5") as caught:
        choose(settings_for(tmp_path, face_network="auraface"), cache_of(tmp_path))
    assert caught.value.code == "weights_damaged"


def test_a_settings_file_describes_a_network_relative_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "conf" / "lookalike.toml"
    file = write_recogniser(path.parent / "nets" / "mine.onnx")
    path.write_text(
        'face_network = "mine"\n[face_networks.mine]\nfile = "nets/mine.onnx"\nlicence = "MIT"\ncommercial = true\n'
        f'dimension = 512\nsha256 = "{digest(file)}"\n',
        "utf-8",
    )
    settings = load_settings({}, tmp_path, path).settings
    assert choose(settings, cache_of(tmp_path)).file == file


def test_a_variable_describes_networks_as_json(tmp_path: Path) -> None:
    table = {
        "mine": {"file": str(tmp_path / "m.onnx"), "licence": "MIT", "commercial": True, "dimension": 512}
    }
    found = load_settings({"LOOKALIKE_FACE_NETWORKS": json.dumps(table)}, tmp_path).settings
    assert found.face_networks["mine"].file == tmp_path / "m.onnx"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"mine": {"licence": "MIT"}}, "mine.file"),
        ({"a b": {}}, "a b"),
        (
            {"mine": {"file": "x", "licence": "MIT", "commercial": True, "dimension": 512, "meen": 1}},
            "mine.meen",
        ),
        ([], "face_networks"),
    ],
)
def test_a_wrong_description_says_which_field(tmp_path: Path, table: object, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"LOOKALIKE_FACE_NETWORKS": json.dumps(table)}, tmp_path)
    assert said in caught.value.detail
    assert "LOOKALIKE_FACE_NETWORKS" in caught.value.detail
