from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from pathlib import Path

import pytest

from data.sources import Item, file_item, open_source
from detector.errors import InputError, UnreadableInput, UsageError

PNG = b"\x89PNG\r\n\x1a\n and more"

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX file names and links")
"""Reported by pytest -ra; CI runs on POSIX."""


def put(folder: Path, *names: str, data: bytes = PNG) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def names(items: Iterable[Item], folder: Path) -> list[str]:
    return [str(Path(item.source).relative_to(folder)) for item in items]


def error_of(item: Item) -> InputError:
    with pytest.raises(InputError) as caught:
        item.read()
    return caught.value


def test_pictures_come_in_the_order_of_their_names_with_those_below(tmp_path: Path) -> None:
    put(
        tmp_path,
        "b.JPG",
        "a/z.png",
        "a/B/y.webp",
        "a.jpeg",
        "c with space.png",
        "é\nline.png",
        "10.png",
        "9.png",
    )
    source = open_source(tmp_path)
    expected = [
        "10.png",
        "9.png",
        "a/B/y.webp",
        "a/z.png",
        "a.jpeg",
        "b.JPG",
        "c with space.png",
        "é\nline.png",
    ]
    assert names(source, tmp_path) == expected
    assert names(source, tmp_path) == expected
    assert source.count() == len(expected)
    assert all(item.read() == PNG and item.row == {} for item in source)


def test_what_is_no_picture_by_its_name_or_its_beginning_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, "notes.txt", ".hidden.png", ".git/x.png", "a.png.part", "empty.png", "README", data=b"")
    put(tmp_path, "crawled-0017", "shot.jpg_large")
    put(tmp_path, "archive.zip", data=b"PK\x03\x04")
    put(tmp_path, "webp", data=b"RIFF\x00\x00\x00\x00WEBPVP8 ")
    put(tmp_path, "phone", data=b"\x00\x00\x00\x18ftypheic")
    put(tmp_path, "wave", data=b"RIFF\x00\x00\x00\x00WAVEfmt ")
    assert names(open_source(tmp_path), tmp_path) == [
        "crawled-0017",
        "empty.png",
        "phone",
        "shot.jpg_large",
        "webp",
    ]


@posix
def test_undecodable_names_are_read_and_shown_as_text(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/\xff\xfe.png"
    Path(os.fsdecode(raw)).write_bytes(PNG)
    (item,) = open_source(tmp_path)
    assert item.source == f"{tmp_path}/\\xff\\xfe.png".replace("\\x", "\\udc")
    item.source.encode("utf-8")
    assert item.read() == PNG


@posix
def test_links_back_are_items_and_the_walk_ends(tmp_path: Path) -> None:
    put(tmp_path, "a/one.png", "b/two.png")
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "b" / "other").symlink_to(tmp_path / "a", target_is_directory=True)
    (tmp_path / "b" / "self.png").symlink_to("self.png")
    found = list(open_source(tmp_path))
    assert names(found, tmp_path) == ["a/one.png", "a/up", "b/self.png", "b/two.png"]
    assert error_of(found[1]).code == "folder_loop"
    assert error_of(found[2]).code == "unreadable"
    assert found[0].read() == found[3].read() == PNG


@posix
def test_a_linked_folder_outside_is_entered_once(tmp_path: Path) -> None:
    put(tmp_path, "outside/pic.png", "root/own.png")
    (tmp_path / "outside" / "again").symlink_to(tmp_path / "outside", target_is_directory=True)
    for name in ("one", "two"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "outside", target_is_directory=True)
    (tmp_path / "root" / "link.png").symlink_to(tmp_path / "outside" / "pic.png")
    found = list(open_source(tmp_path / "root"))
    assert names(found, tmp_path / "root") == ["link.png", "one/again", "one/pic.png", "own.png"]
    assert error_of(found[1]).code == "folder_loop"


@posix
def test_a_folder_given_by_a_link_is_walked(tmp_path: Path) -> None:
    put(tmp_path, "real/pic.png")
    (tmp_path / "alias").symlink_to(tmp_path / "real", target_is_directory=True)
    assert names(open_source(tmp_path / "alias"), tmp_path) == ["alias/pic.png"]


@posix
def test_what_is_no_regular_file_never_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "socket.png"))
        (tmp_path / "dangling.png").symlink_to("nowhere.png")
        os.mkfifo(tmp_path / "pipe")
        errors = {Path(item.source).name: error_of(item).code for item in open_source(tmp_path)}
    assert errors == {"pipe.png": "not_a_file", "socket.png": "unreadable", "dangling.png": "file_missing"}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("missing.png", "file_missing"),
        ("a.png/b.png", "file_missing"),
        ("folder", "not_a_file"),
        ("x\x00y", "bad_name"),
    ],
)
def test_a_named_file_that_cannot_be_read_says_why(tmp_path: Path, name: str, code: str) -> None:
    put(tmp_path, "a.png")
    (tmp_path / "folder").mkdir()
    item = file_item(tmp_path / name)
    with pytest.raises(UnreadableInput, match=r"can't be|no regular") as caught:
        item.read()
    assert caught.value.code == code


def test_a_file_above_the_ceiling_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "big.png", data=b"x" * 11)
    put(tmp_path, "fits.png", data=b"x" * 10)
    monkeypatch.setattr("data.sources.files.MAX_BYTES", 10)
    big, fits = open_source(tmp_path)
    assert error_of(big).code == "too_large"
    assert len(fits.read()) == 10


def test_no_permission_is_an_error_of_that_item(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "locked/x.png", "secret.png", "z.png")
    scandir, opener = os.scandir, os.open

    def refuse_folder(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    def refuse_file(path: str, flags: int) -> int:
        if str(path).endswith("secret.png"):
            raise PermissionError(13, "Permission denied", path)
        return opener(path, flags)

    # the tests may run as root, whom no permission stops: the system's refusal is put in place of the call
    monkeypatch.setattr("data.sources.folder.os.scandir", refuse_folder)
    monkeypatch.setattr("data.sources.files.os.open", refuse_file)
    locked, secret, last = open_source(tmp_path)
    assert locked.source == str(tmp_path / "locked")
    assert error_of(locked).code == error_of(secret).code == "unreadable"
    assert "Permission denied" in error_of(secret).detail
    assert last.read() == PNG


def test_one_picture_is_a_source_of_one(tmp_path: Path) -> None:
    put(tmp_path, "pic.png")
    source = open_source(tmp_path / "pic.png")
    assert [item.read() for item in source] == [PNG]
    assert source.count() == 1


def test_nothing_at_the_path_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere"):
        open_source(tmp_path / "nowhere")


def test_relative_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a/pic.png")
    monkeypatch.chdir(tmp_path / "a")
    assert file_item(Path("../a/pic.png")).source == str(tmp_path / "a" / "pic.png")
    assert [item.source for item in open_source(Path())] == [str(tmp_path / "a" / "pic.png")]
