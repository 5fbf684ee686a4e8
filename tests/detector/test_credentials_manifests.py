"""C2PA manifests, signed here and read by the real library: what holds, what does not and why, whom to believe."""

from __future__ import annotations

import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import c2pa
import pytest

from detector.credentials.claims import ManifestState, Standing
from detector.credentials.manifests import ManifestReader, has_marker
from detector.credentials.reading import CredentialReader
from detector.credentials.trust import TrustList, read_trust_lists
from detector.errors import SettingsError, UnreadableInput
from tests.signing import Authority, Says, created, drawn, expired, signed, signed_elsewhere, tampered

ADDRESS = "https://manifests.example/1.c2pa"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def signer(authority: Authority) -> c2pa.Signer:
    return authority.signer()


@pytest.fixture(scope="module")
def trusting(authority: Authority) -> ManifestReader:
    return ManifestReader(TrustList(authority.pem, 1))


@pytest.fixture(scope="module")
def generated(signer: c2pa.Signer) -> bytes:
    """A generated picture, made from an input picture, that may not be trained on."""
    mining = {"entries": {"cawg.ai_generative_training": {"use": "notAllowed"}}}
    limited = {"entries": {"c2pa.data_mining": {"use": "constrained", "constraint_info": "ask first"}}}
    says = Says(
        (created("trainedAlgorithmicMedia", "Dreamer 3"),),
        (("original.jpg", "inputTo", drawn(7)),),
        (
            {"label": "cawg.training-mining", "data": mining},
            {"label": "c2pa.training-mining", "data": limited},
        ),
    )
    return signed(drawn(), says, signer)


def test_a_picture_without_a_manifest_has_none(trusting: ManifestReader) -> None:
    assert trusting.read(drawn()) is None
    assert trusting.read(b"") is None
    assert trusting.read(b"c2pa but no picture at all") is not None


def test_a_manifest_that_holds_says_who_signed_and_what_was_done(
    generated: bytes, trusting: ManifestReader
) -> None:
    manifest = trusting.read(generated)
    assert manifest is not None
    assert manifest.state is ManifestState.VALID
    assert manifest.failures == ()
    assert manifest.signer is not None
    assert (manifest.signer.name, manifest.signer.organisation) == ("Camera 7", "Camera 7 Ltd")
    assert manifest.signer.signed_at is None, "no time stamp authority vouches for the time"
    assert manifest.generator == "Test Maker 1.2"
    assert [(act.name, act.digital_source_type, act.tool) for act in manifest.actions] == [
        ("c2pa.created", "trainedAlgorithmicMedia", "Dreamer 3")
    ]
    assert {(term.purpose, term.use, term.detail) for term in manifest.training} == {
        ("ai_generative_training", "notAllowed", None),
        ("data_mining", "constrained", "ask first"),
    }


def test_an_ingredient_comes_with_its_relationship_and_its_picture(
    generated: bytes, trusting: ManifestReader
) -> None:
    manifest = trusting.read(generated)
    assert manifest is not None
    (ingredient,) = manifest.ingredients
    assert (ingredient.title, ingredient.relationship) == ("original.jpg", "inputTo")
    assert ingredient.picture is not None
    assert ingredient.picture.startswith(b"\xff\xd8")
    assert "xff" not in repr(ingredient), "pictures are never printed"


def test_a_signer_is_trusted_only_by_the_trust_list(generated: bytes, trusting: ManifestReader) -> None:
    stranger = ManifestReader(TrustList(Authority("Somebody Else").pem, 1))
    for reader, standing in (
        (trusting, Standing.TRUSTED),
        (stranger, Standing.UNTRUSTED),
        (ManifestReader(), Standing.UNTRUSTED),
    ):
        manifest = reader.read(generated)
        assert manifest is not None
        assert manifest.state is ManifestState.VALID, "who signed says nothing of whether it was changed"
        assert manifest.standing is standing


def test_a_picture_changed_after_signing_fails_the_data_hash(
    generated: bytes, trusting: ManifestReader
) -> None:
    manifest = trusting.read(tampered(generated))
    assert manifest is not None
    assert manifest.state is ManifestState.INVALID
    assert [check.code for check in manifest.failures] == ["assertion.dataHash.mismatch"]
    assert manifest.standing is Standing.INVALID
    assert not manifest.trusted


def test_a_manifest_moved_to_another_picture_fails(generated: bytes, trusting: ManifestReader) -> None:
    start = generated.index(b"\xff\xeb")
    block = generated[start : len(generated) - (len(drawn()) - start)]
    moved = drawn(1)[:start] + block + drawn(1)[start:]
    manifest = trusting.read(moved)
    assert manifest is not None
    assert [check.code for check in manifest.failures] == ["assertion.dataHash.mismatch"]


def test_a_changed_word_in_the_manifest_fails_its_own_hash(
    generated: bytes, trusting: ManifestReader
) -> None:
    manifest = trusting.read(generated.replace(b"notAllowed", b"yesAllowed"))
    assert manifest is not None
    assert manifest.state is ManifestState.INVALID
    assert "assertion.hashedURI.mismatch" in [check.code for check in manifest.failures]


@pytest.mark.slow
def test_an_expired_certificate_without_a_time_stamp_fails(
    authority: Authority, trusting: ManifestReader
) -> None:
    manifest = trusting.read(expired(drawn(), Says(), authority))
    assert manifest is not None
    assert manifest.state is ManifestState.INVALID
    assert [check.code for check in manifest.failures] == ["signingCredential.expired"]


def test_the_library_signs_with_no_expired_certificate(authority: Authority) -> None:
    """Why the fixture above has to wait."""
    with pytest.raises(c2pa.C2paError, match="not valid at time of signing"):
        signed(drawn(), Says(), authority.signer(lasts=timedelta(hours=-1)))


def test_an_ingredient_keeps_what_its_own_manifest_says(
    generated: bytes, signer: c2pa.Signer, trusting: ManifestReader
) -> None:
    says = Says(ingredients=(("generated.jpg", "componentOf", generated),))
    manifest = trusting.read(signed(drawn(), says, signer))
    assert manifest is not None
    parent, _ = manifest.ingredients
    assert [act.digital_source_type for act in parent.actions] == ["trainedAlgorithmicMedia"]
    assert parent.failures == ()


def test_the_ingredients_of_an_ingredient_follow_with_their_pictures(
    generated: bytes, signer: c2pa.Signer, trusting: ManifestReader
) -> None:
    once = signed(drawn(1), Says(ingredients=(("generated.jpg", "componentOf", generated),)), signer)
    manifest = trusting.read(signed(drawn(2), Says(ingredients=(("once.jpg", "componentOf", once),)), signer))
    assert manifest is not None
    told = [(one.title, one.relationship, one.within) for one in manifest.ingredients]
    assert told == [
        ("once.jpg", "componentOf", None),
        ("generated.jpg", "componentOf", 0),
        ("original.jpg", "inputTo", 1),
    ]
    assert all(one.picture for one in manifest.ingredients)


def test_an_ingredient_that_did_not_hold_says_which_check(
    generated: bytes, signer: c2pa.Signer, trusting: ManifestReader
) -> None:
    says = Says(ingredients=(("broken.jpg", "componentOf", tampered(generated)),))
    manifest = trusting.read(signed(drawn(), says, signer))
    assert manifest is not None
    assert manifest.state is ManifestState.VALID, (
        "what was taken in was broken, not the manifest that says so"
    )
    assert [check.code for check in manifest.ingredients[0].failures] == ["assertion.dataHash.mismatch"]


@pytest.mark.parametrize(
    ("kind", "mime"),
    [("PNG", "image/png"), ("WEBP", "image/webp"), ("TIFF", "image/tiff"), ("AVIF", "image/avif")],
)
def test_every_container_is_read(kind: str, mime: str, signer: c2pa.Signer, trusting: ManifestReader) -> None:
    manifest = trusting.read(signed(drawn(kind=kind), Says(), signer, mime))
    assert manifest is not None
    assert manifest.trusted


# Manifests that lie elsewhere


@pytest.fixture(scope="module")
def elsewhere(signer: c2pa.Signer) -> tuple[bytes, bytes]:
    return signed_elsewhere(drawn(), Says(), signer, ADDRESS)


def test_a_remote_manifest_is_named_and_not_fetched(elsewhere: tuple[bytes, bytes]) -> None:
    manifest = CredentialReader().read(elsewhere[0]).manifest
    assert manifest is not None
    assert (manifest.state, manifest.remote_url) == (ManifestState.NOT_FETCHED, ADDRESS)


def test_a_remote_manifest_is_fetched_when_that_is_allowed(
    authority: Authority, elsewhere: tuple[bytes, bytes]
) -> None:
    asked: list[str] = []

    def fetch(address: str) -> bytes:
        asked.append(address)
        return elsewhere[1]

    reader = CredentialReader(ManifestReader(TrustList(authority.pem, 1), fetch))
    manifest = reader.read(elsewhere[0]).manifest
    assert asked == [ADDRESS]
    assert manifest is not None
    assert manifest.trusted
    tampered_too = reader.read(tampered(elsewhere[0])).manifest
    assert tampered_too is not None
    assert tampered_too.state is ManifestState.INVALID, "a fetched manifest is checked like an embedded one"


def test_a_fetch_that_fails_or_brings_junk_costs_only_the_manifest(elsewhere: tuple[bytes, bytes]) -> None:
    def refuse(address: str) -> bytes:
        raise UnreadableInput("the host is private", code="address_refused")

    refused = CredentialReader(ManifestReader(fetch=refuse)).read(elsewhere[0])
    assert refused.manifest is not None
    assert refused.manifest.state is ManifestState.NOT_FETCHED
    assert [check.code for check in refused.manifest.failures] == ["address_refused"]
    junk = CredentialReader(ManifestReader(fetch=lambda address: b"junk")).read(elsewhere[0])
    assert junk.manifest is not None
    assert junk.manifest.state is ManifestState.UNREADABLE


# What malformed files cost


def test_the_marker_is_looked_for_before_the_pixels_of_a_jpeg_only(generated: bytes) -> None:
    assert has_marker(generated)
    assert not has_marker(drawn() + b"c2pa")
    assert has_marker(drawn(kind="PNG") + b"c2pa"), "other containers may have it anywhere"
    assert not has_marker(b"\xff\xd8\xff\xe0")


def test_a_picture_without_a_marker_never_loads_the_library() -> None:
    code = (
        "import sys; from detector.credentials.reading import CredentialReader; from pathlib import Path;"
        "CredentialReader().read(sys.stdin.buffer.read()); sys.exit('c2pa' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run([sys.executable, "-c", code], input=drawn(), cwd=root, check=False, timeout=60)
    assert run.returncode == 0


def test_whatever_becomes_of_the_bytes_reading_gives_an_answer(generated: bytes) -> None:
    rng = random.Random(20261124)  # noqa: S311 - a repeatable choice of bytes
    reader, seen = CredentialReader(), set()
    for turn in range(300):
        broken = bytearray(generated)
        for _ in range(rng.choice((1, 3, 20))):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        cut = rng.randrange(len(broken)) if turn % 4 == 0 else len(broken)
        manifest = reader.read(bytes(broken[:cut])).manifest
        seen.add(manifest.state if manifest else None)
    assert {ManifestState.INVALID, ManifestState.UNREADABLE} <= seen


def test_threads_share_a_reader(generated: bytes, trusting: ManifestReader) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(trusting.read, [generated, tampered(generated)] * 40))
    states = [manifest.state for manifest in found if manifest]
    assert states == [ManifestState.VALID, ManifestState.INVALID] * 40


# Trust lists


def test_trust_lists_are_pem_files_and_add_up(tmp_path: Path) -> None:
    assert not read_trust_lists([])
    for name in ("a", "b"):
        (tmp_path / name).write_text(f"# {name}\n" + Authority(name).pem, "utf-8")
    assert read_trust_lists([tmp_path / "a", tmp_path / "b"]).count == 2


def test_a_trust_list_that_cannot_be_used_says_which_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.pem cannot be read"):
        read_trust_lists([tmp_path / "absent.pem"])
    (tmp_path / "empty.pem").write_text("no certificate in here", "utf-8")
    with pytest.raises(SettingsError, match=r"empty\.pem holds no certificates"):
        read_trust_lists([tmp_path / "empty.pem"])
