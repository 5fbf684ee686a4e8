"""The public test files of the C2PA project and of a reader of generators' settings, read as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.credentials.claims import Credentials, ManifestState
from detector.credentials.reading import CredentialReader
from detector.origin import declared_by_file
from detector.use import SyntheticClass

pytestmark = pytest.mark.evaluation

PUBLIC = "public-testfiles/image/jpeg/adobe-20220124-"
READING = "c2pa-python/tests/fixtures/files-for-reading-tests/"
SIGNING = "c2pa-python/tests/fixtures/files-for-signing-tests/"
PARSERS = "sd-parsers/parsers/"


@pytest.fixture(scope="module")
def folder(eval_dir: Path) -> Path:
    return eval_dir / "c2pa"


def read(folder: Path, name: str) -> Credentials:
    return CredentialReader().read((folder / name).read_bytes())


@pytest.mark.parametrize(
    ("name", "state", "codes"),
    [
        (f"{PUBLIC}C.jpg", ManifestState.VALID, []),
        (f"{PUBLIC}CAICA.jpg", ManifestState.VALID, []),
        (f"{PUBLIC}E-sig-CA.jpg", ManifestState.INVALID, ["claimSignature.mismatch"]),
        (f"{PUBLIC}E-dat-CA.jpg", ManifestState.INVALID, ["assertion.dataHash.mismatch"]),
        (f"{PUBLIC}E-uri-CA.jpg", ManifestState.INVALID, ["assertion.hashedURI.mismatch"]),
        (f"{PUBLIC}XCA.jpg", ManifestState.INVALID, ["assertion.dataHash.mismatch"]),
        (f"{READING}CIE-sig-CA.jpg", ManifestState.INVALID, ["claimSignature.mismatch"]),
        (f"{READING}cloud.jpg", ManifestState.NOT_FETCHED, []),
        (f"{SIGNING}prerelease.jpg", ManifestState.UNREADABLE, ["manifest.unreadable"]),
        ("c2pa-python/tests/fixtures/file_with_wrong_extension.xyz.jpg", ManifestState.VALID, []),
    ],
)
def test_every_state_and_its_failed_check(
    name: str, state: ManifestState, codes: list[str], folder: Path
) -> None:
    manifest = read(folder, name).manifest
    assert manifest is not None
    assert (manifest.state, [check.code for check in manifest.failures]) == (state, codes)
    assert not manifest.trusted, "nobody is trusted without a trust list"


@pytest.mark.parametrize("name", [f"{PUBLIC}A.jpg", f"{PUBLIC}I.jpg", f"{SIGNING}sample1.heic"])
def test_files_without_credentials_are_accused_of_nothing(name: str, folder: Path) -> None:
    found = read(folder, name)
    assert (found.manifest, found.claims, found.notices) == (None, (), ())


def test_ingredients_and_training_terms(folder: Path) -> None:
    manifest = read(folder, f"{PUBLIC}CAI.jpg").manifest
    assert manifest is not None
    told = [(one.title, one.relationship, one.picture is not None) for one in manifest.ingredients]
    assert told == [("A.jpg", "parentOf", True), ("I.jpg", "componentOf", True)]
    mined = read(folder, "c2pa-python/tests/fixtures/C_with_CAWG_data.jpg").manifest
    assert mined is not None
    assert ("ai_generative_training", "notAllowed") in [(term.purpose, term.use) for term in mined.training]


@pytest.mark.parametrize(
    ("name", "generator"),
    [
        ("AUTOMATIC1111/automatic1111_cropped.png", "Stable Diffusion (WebUI parameters)"),
        ("AUTOMATIC1111/automatic1111_cropped.jpg", "Stable Diffusion (WebUI parameters)"),
        ("ComfyUI/unclip_2pass_cropped.png", "ComfyUI"),
        ("ComfyUI/night_evening_day_morning_cropped.png", "ComfyUI"),
        ("Fooocus/fooocus1_cropped.png", "Fooocus"),
        ("InvokeAI/invokeai_imeta1.png", "InvokeAI"),
        ("InvokeAI/invokeai_sdmeta1.png", "InvokeAI"),
    ],
)
def test_generators_by_their_settings(name: str, generator: str, folder: Path) -> None:
    found = read(folder, PARSERS + name)
    assert [trace.name for trace in found.generators] == [generator]
    assert declared_by_file(found).made is SyntheticClass.AI_GENERATED


def test_settings_hidden_in_pixels_are_not_looked_for(folder: Path) -> None:
    """A known limit, in docs/credentials.md."""
    assert read(folder, f"{PARSERS}AUTOMATIC1111/automatic1111_stealth.png") == Credentials()
