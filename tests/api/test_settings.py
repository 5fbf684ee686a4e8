"""Settings: three places, the later one wins; each value knows its origin; a wrong one says what is right."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.settings import Configured, Settings, accepted_by, load_settings, variable_of
from detector.errors import SettingsError

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def written(folder: Path, text: str) -> Path:
    path = folder / "lookalike.toml"
    path.write_text(text, "utf-8")
    return path


def refused(environ: dict[str, str], cwd: Path) -> str:
    with pytest.raises(SettingsError) as raised:
        load_settings(environ, cwd)
    return raised.value.detail


def test_without_file_and_variables_everything_is_a_default(tmp_path: Path) -> None:
    configured = load_settings({}, tmp_path)
    assert {origin.kind for origin in configured.origins.values()} == {"default"}
    assert set(configured.origins) == set(Settings.model_fields)
    assert configured.settings.database_url.endswith("lookalike.sqlite3")
    assert configured.settings.state_dir.is_absolute()


def test_a_variable_beats_the_file_and_the_file_beats_the_default(tmp_path: Path) -> None:
    path = written(tmp_path, "batch_size = 7\nthreads = 3\n")
    configured = load_settings({"LOOKALIKE_THREADS": "9"}, tmp_path)
    assert (configured.settings.batch_size, configured.settings.threads) == (7, 9)
    assert str(configured.origins["batch_size"]) == f"file {path}"
    assert str(configured.origins["threads"]) == "variable LOOKALIKE_THREADS"
    assert str(configured.origins["offline"]) == "default"


def test_the_named_file_wins_over_the_variable_and_both_over_the_folder(tmp_path: Path) -> None:
    written(tmp_path, "threads = 1\n")
    second, third = tmp_path / "second.toml", tmp_path / "third.toml"
    second.write_text("threads = 2\n", "utf-8")
    third.write_text("threads = 3\n", "utf-8")
    environ = {"LOOKALIKE_CONFIG": str(second)}

    def threads(configured: Configured) -> int:
        return configured.settings.threads

    assert threads(load_settings({}, tmp_path)) == 1
    assert threads(load_settings(environ, tmp_path)) == 2
    assert threads(load_settings(environ, tmp_path, third)) == 3


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    assert "LOOKALIKE_CONFIG" in refused({"LOOKALIKE_CONFIG": "nowhere.toml"}, tmp_path)
    with pytest.raises(SettingsError, match="--config names"):
        load_settings({}, tmp_path, Path("nowhere.toml"))


def test_relative_paths_are_meant_from_the_file(tmp_path: Path) -> None:
    nested = tmp_path / "etc"
    nested.mkdir()
    written(nested, 'state_dir = "state"\nweights_dirs = ["w", "/abs"]\n')
    settings = load_settings({}, tmp_path, nested / "lookalike.toml").settings
    assert settings.state_dir == nested / "state"
    assert settings.weights_dirs == (nested / "w", Path("/abs"))


def test_several_folders_in_one_variable(tmp_path: Path) -> None:
    value = os.pathsep.join(["/a", "/b c"])
    settings = load_settings({"LOOKALIKE_WEIGHTS_DIRS": value}, tmp_path).settings
    assert settings.weights_dirs == (Path("/a"), Path("/b c"))


@pytest.mark.parametrize("value", ["", "none"])
def test_the_image_network_can_be_switched_off(tmp_path: Path, value: str) -> None:
    assert load_settings({"LOOKALIKE_IMAGE_NETWORK": value}, tmp_path).settings.image_network is None


def test_the_former_name_of_the_image_network_still_counts_but_for_the_new_one(tmp_path: Path) -> None:
    environ = {"LOOKALIKE_IMAGE_MODEL": "ViT-B-32/openai"}
    assert load_settings(environ, tmp_path).settings.image_network == "ViT-B-32/openai"
    assert (
        load_settings(environ | {"LOOKALIKE_IMAGE_NETWORK": "sscd"}, tmp_path).settings.image_network
        == "sscd"
    )
    path = written(tmp_path, 'image_model = ""\n')
    assert load_settings({}, tmp_path, path).settings.image_network is None


def test_an_unknown_key_is_an_error_with_a_suggestion(tmp_path: Path) -> None:
    path = written(tmp_path, "batchsize = 7\n")
    text = refused({}, tmp_path)
    assert str(path) in text
    assert "`batchsize` (did you mean `batch_size`?)" in text


def test_an_unknown_variable_is_kept_for_the_doctor(tmp_path: Path) -> None:
    configured = load_settings({"LOOKALIKE_TRHEADS": "2", "LOOKALIKE_CONFIG": "", "HOME": "/"}, tmp_path)
    assert configured.ignored == {"LOOKALIKE_TRHEADS": " (did you mean `threads`?)"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image_network", "sscd-300"),
        ("target_fpir", "2"),
        ("target_fpir", "nan"),
        ("batch_size", "many"),
        ("threads", "-1"),
        ("offline", "perhaps"),
        ("state_dir", " "),
        ("store_url", "no url"),
        ("store_url", "mysql://u:secret@h/d"),
        ("decode_max_bytes", "1.5"),
        ("decode_long_side", "1"),
    ],
)
def test_a_wrong_value_names_setting_source_and_what_is_accepted(
    name: str, value: str, tmp_path: Path
) -> None:
    text = refused({variable_of(name): value}, tmp_path)
    assert f"`{name}` (variable {variable_of(name)})" in text
    assert accepted_by(name) in text
    assert "secret" not in text


def test_every_wrong_value_is_listed_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, 'target_fpir = 0\nbatch_size = "x"\n')
    text = refused({"LOOKALIKE_THREADS": "x"}, tmp_path)
    assert f"`target_fpir` (file {path}) is 0" in text
    assert "`batch_size`" in text
    assert "`threads` (variable LOOKALIKE_THREADS)" in text


def test_the_two_rates_must_be_in_order(tmp_path: Path) -> None:
    text = refused({"LOOKALIKE_TARGET_FPIR": "0.1"}, tmp_path)
    assert "`possible_fpir` (default) is 0.05" in text
    assert "not below target_fpir" in text


@pytest.mark.parametrize("content", [b"top = ", b"\xff\xfe", b"top = 1\ntop = 2"])
def test_a_file_that_is_no_toml(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "lookalike.toml").write_bytes(content)
    assert "is not valid TOML" in refused({}, tmp_path)


@given(st.dictionaries(st.text(min_size=1).map("LOOKALIKE_".__add__), st.text()))
def test_no_environment_breaks_loading_otherwise_than_by_its_own_error(environ: dict[str, str]) -> None:
    with contextlib.suppress(SettingsError):
        assert set(load_settings(environ, Path("/nowhere")).origins) == set(Settings.model_fields)


def test_every_setting_says_what_it_accepts_and_what_it_is_for() -> None:
    for name, field in Settings.model_fields.items():
        assert accepted_by(name), name
        assert field.description, name


def test_every_setting_is_documented_with_its_variable_and_default() -> None:
    text = DOCUMENT.read_text("utf-8")
    for name, field in Settings.model_fields.items():
        assert f"| `{name}` | `{variable_of(name)}` |" in text, name
        assert str(field.description) in text, name
        assert accepted_by(name) in text, name
