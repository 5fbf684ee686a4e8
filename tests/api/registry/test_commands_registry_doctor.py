"""`lookalike doctor`, `weights` and the root command: an installation that explains itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from api.exits import Exit, exit_code, message
from detector import errors


def section(report: Any, name: str) -> Any:
    return next(each for each in report["sections"] if each["section"] == name)


def cells(report: Any, name: str) -> dict[str, Any]:
    return {row["name"]: row["value"] for row in section(report, name)["rows"]}


def test_missing_weights_are_a_problem_and_the_rest_is_still_shown(here: Any) -> None:
    report = here.json("doctor", code=1)
    assert report["healthy"] is False
    problems = section(report, "weights")["problems"]
    assert len(problems) == 2
    assert all("lookalike weights pull" in problem for problem in problems)
    assert cells(report, "store")["talents"] == 0
    assert not (here.folder / "cache" / "weights").exists()


def test_every_setting_is_shown_with_its_source(here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = here.file("lookalike.toml", "batch_size = 3\n")
    monkeypatch.setenv("LOOKALIKE_THREDS", "2")
    assert "note: the variable LOOKALIKE_THREDS" in here.run("doctor", code=1).stdout
    shown = section(here.json("doctor", code=1), "settings")
    origins = {row["setting"]: (row["value"], row["from"]) for row in shown["rows"]}
    assert origins["batch_size"] == (3, f"file {path}")
    assert origins["offline"] == (True, "variable LOOKALIKE_OFFLINE")
    assert origins["target_fpir"][1] == "default"
    assert shown["remarks"] == [
        "the variable LOOKALIKE_THREDS names no setting and is ignored (did you mean `threads`?)"
    ]


def test_an_unreachable_store_is_a_problem_that_hides_the_password(
    here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_STORE_URL", "sqlite:////dev/null/no/such.sqlite3")
    report = here.json("doctor", code=1)
    assert section(report, "store")["problems"]
    monkeypatch.setenv("LOOKALIKE_STORE_URL", "postgresql://me:hunter2@127.0.0.1:1/none")
    shown = here.run("doctor", code=1).stdout
    assert "hunter2" not in shown
    assert "PROBLEM: " in shown


def test_a_state_folder_that_cannot_be_made_is_a_problem(here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here.file("state", "a file in the way")
    (problem,) = section(here.json("doctor", code=1), "store")["problems"]
    assert "state_dir" in problem


@pytest.mark.weights
def test_with_weights_everything_needed_is_here(
    here: Any, weights_dir: Path, monkeypatch: pytest.MonkeyPatch, enrolled: Any
) -> None:
    monkeypatch.setenv("LOOKALIKE_WEIGHTS_DIRS", str(weights_dir))
    enrolled("A", "red")
    report = here.json("doctor")
    assert report["healthy"] is True
    assert cells(report, "index")["talents that can be found"] == 1
    rows = section(report, "thresholds")["rows"]
    strengths = [row["match: strength"] for row in rows]
    assert strengths == sorted(strengths)
    assert all(row["match: strength"] >= row["possible: strength"] for row in rows)
    absent = [row for row in section(report, "signals")["rows"] if row["state"] == "off"]
    assert [row["signal"] for row in absent] == ["image"]


def test_a_network_of_ones_own_is_listed_with_its_licence(here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    table = {
        "file": str(here.folder / "lab.onnx"),
        "licence": "research",
        "commercial": False,
        "dimension": 64,
    }
    monkeypatch.setenv("LOOKALIKE_FACE_NETWORKS", json.dumps({"lab": table}))
    monkeypatch.setenv("LOOKALIKE_FACE_NETWORK", "lab")
    weights = section(here.json("doctor", code=1), "weights")
    (row,) = [row for row in weights["rows"] if row["name"] == "lab"]
    assert (row["status"], row["licence"]) == ("absent", "research")
    assert "the face network lab may not be used commercially (licence: research)" in weights["remarks"]
    assert not any("sface" in problem for problem in weights["problems"]), "it is not needed"


@pytest.mark.weights
def test_an_absent_image_network_is_a_remark_and_nothing_is_fetched(
    here: Any, weights_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = here.folder / "mine"
    mine.mkdir()
    for path in weights_dir.glob("face_*.onnx"):
        shutil.copy(path, mine)
    monkeypatch.setenv("LOOKALIKE_WEIGHTS_DIRS", str(mine))
    monkeypatch.setenv("LOOKALIKE_OFFLINE", "false")
    report = here.json("doctor")
    assert report["healthy"] is True
    (remark,) = section(report, "weights")["remarks"]
    assert "sscd.onnx" in remark
    assert "weights pull" in remark
    assert not (here.folder / "cache" / "weights").exists()
    rows = here.json("weights", "list", code=1)
    assert [row["name"] for row in rows if row["status"] == "present"] == ["yunet", "sface"]
    monkeypatch.setenv("LOOKALIKE_IMAGE_NETWORK", "none")
    assert section(here.json("doctor"), "weights")["remarks"] == []
    here.json("weights", "list")


@pytest.mark.weights
def test_weights_are_listed_and_pulled_from_a_folder_of_yours(
    here: Any, weights_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {row["status"] for row in here.json("weights", "list", code=1)} == {"absent"}
    mine = here.folder / "mine"
    shutil.copytree(weights_dir, mine)
    monkeypatch.setenv("LOOKALIKE_WEIGHTS_DIRS", str(mine))
    pulled = here.json("weights", "pull")
    assert {row["name"] for row in pulled} >= {"yunet", "sface"}
    assert {row["status"] for row in pulled} == {"present"}
    assert all(Path(row["path"]).parent == mine for row in pulled)
    shown = here.run("weights", "list").stdout.splitlines()
    assert shown[0].split() == ["name", "revision", "status", "size", "licence", "path"]
    assert shown[1].split()[:3] == ["yunet", "2023mar", "present"]


def test_weights_that_are_other_bytes_name_both_hashes(here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_WEIGHTS_DIRS", str(here.folder))
    here.file("face_detection_yunet_2023mar.onnx", "not the network")
    result = here.run("weights", "pull", code=1)
    assert result.stderr.count("SHA-256") == 1
    assert "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4" in result.stderr
    assert "[weights_damaged]" in result.stderr


def test_offline_and_absent_weights_say_so(here: Any) -> None:
    result = here.run("weights", "pull", code=1)
    assert "offline" in result.stderr
    assert "[weights_missing]" in result.stderr


def test_a_wrong_setting_is_a_usage_error_without_traceback(
    here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_THREADS", "many")
    result = here.run("talent", "list", code=2)
    assert "LOOKALIKE_THREADS" in result.stderr
    assert result.stderr.count("\n") == 1


def test_debug_lets_the_traceback_through(here: Any) -> None:
    with pytest.raises(errors.NotFound):
        here.run("--debug", "talent", "show", "nobody", code=None)


def test_the_config_option_is_for_every_command(here: Any) -> None:
    other = here.file("other.toml", "wrong = 1\n")
    assert "which is no setting" in here.run("--config", other, "talent", "list", code=2).stderr


def test_version_and_help(here: Any) -> None:
    assert here.run("--version").stdout.startswith("lookalike 0.")
    shown = here.run("--help").stdout
    for command in ("talent", "enroll", "consent", "import", "check", "scan", "weights", "doctor", "demo"):
        assert f" {command} " in shown


@pytest.mark.parametrize("arguments", [["nonsense"], ["talent", "add"], ["talent", "show", "--nope"]])
def test_a_wrong_call_ends_with_2(here: Any, arguments: list[str]) -> None:
    here.run(*arguments, code=2)


def test_every_error_of_the_tree_has_an_exit_code_and_a_message_of_its_own() -> None:
    def below(kind: type[errors.LookalikeError]) -> list[type[errors.LookalikeError]]:
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in below(child))]

    for kind in set(below(errors.LookalikeError)) - {errors.InvalidRecord, errors.Refused}:
        error = kind("something is wrong")
        assert message(error) == f"error: something is wrong [{kind.code}]"
        expected = Exit.USAGE if issubclass(kind, errors.UsageError) else Exit.FAILED
        assert exit_code(error) is expected
