"""No command writes over what it reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.outputs import require_safe
from detector.errors import UsageError

JPEG = b"\xff\xd8\xff\xe0rest"


def test_new_and_old_results_may_be_written(tmp_path: Path) -> None:
    old = tmp_path / "old.jsonl"
    old.write_text("{}")
    require_safe({"--out": old, "--html": tmp_path / "new.html", "--csv": None}, [tmp_path / "manifest.csv"])


def test_an_input_is_never_an_output_however_it_is_written(tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text("image")
    with pytest.raises(UsageError, match=r"--csv .* would replace what is to be read") as caught:
        require_safe({"--csv": tmp_path / "x" / ".." / "m.csv"}, [manifest])
    assert caught.value.code == "output_is_input"


def test_a_picture_is_never_replaced(tmp_path: Path) -> None:
    picture = tmp_path / "shot"
    picture.write_bytes(JPEG)
    with pytest.raises(UsageError, match="--html"):
        require_safe({"--html": picture}, [])


def test_two_outputs_need_two_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--out and --csv name the same file"):
        require_safe({"--out": tmp_path / "a", "--csv": tmp_path / "a"}, [])


def test_a_dash_is_no_file() -> None:
    with pytest.raises(UsageError, match="--json"):
        require_safe({"--out": Path("-")}, [])
