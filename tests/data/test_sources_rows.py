from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.sources import Item, open_source
from detector.errors import InputError, UsageError


def manifest(folder: Path, text: str | bytes) -> list[Item]:
    path = folder / "manifest.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(open_source(path))


def feed(folder: Path, *lines: str | bytes) -> list[Item]:
    path = folder / "feed.jsonl"
    path.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines))
    return list(open_source(path))


def outcome(item: Item) -> tuple[str, str | bytes]:
    try:
        return item.source, item.read()
    except InputError as error:
        return item.source, error.code


def test_paths_are_relative_to_the_manifest_and_columns_are_carried(tmp_path: Path) -> None:
    (tmp_path / "shoot").mkdir()
    (tmp_path / "shoot" / "a.png").write_bytes(b"A")
    items = manifest(tmp_path, "client,image,sku\nBrand,shoot/a.png,0017\n,shoot/../shoot/a.png, x \n")
    assert [outcome(item) for item in items] == [(str(tmp_path / "shoot" / "a.png"), b"A")] * 2
    assert [item.row for item in items] == [{"client": "Brand", "sku": "0017"}, {"client": "", "sku": " x "}]


@pytest.mark.parametrize(
    "name", ["with space.png", " leading.png", "new\nline.png", 'quote".png', "é,☕.png", "a\rb.png"]
)
def test_names_are_taken_as_written(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"here")
    quoted = name.replace('"', '""')
    (item,) = manifest(tmp_path, f'image,client\r\n"{quoted}",B\r\n')
    assert outcome(item) == (str(tmp_path / name), b"here")
    assert item.row == {"client": "B"}


def test_blanks_around_a_name_do_not_count_where_no_file_has_them(tmp_path: Path) -> None:
    (tmp_path / "a b.png").write_bytes(b"here")
    items = list(manifest(tmp_path, "image,client\n a b.png ,B\n\ta b.png,B\n   ,B\n"))
    assert [outcome(item) for item in items[:2]] == [(str(tmp_path / "a b.png"), b"here")] * 2
    assert outcome(items[2])[1] == "image_missing"


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX file names")
def test_names_that_are_no_utf8_are_found(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")).write_bytes(b"here")
    (item,) = manifest(tmp_path, b"image,client\ncaf\xe9.png,caf\xe9\n")
    assert item.read() == b"here"
    assert item.row == {"client": "caf\\udce9"}


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    assert [outcome(i) for i in manifest(tmp_path, b"\xef\xbb\xbfimage\nx.png\n")] == [
        (str(tmp_path / "x.png"), "file_missing")
    ]


def test_a_broken_row_costs_that_row_only(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"A")
    lines = [
        "image,client",
        "a.png,B",
        "",
        ",B",
        "a.png",
        "a.png,B,extra",
        '"a.png"x,B',
        "https://x.test/a.png,B",
        "a.png,B",
    ]
    path, picture = str(tmp_path / "manifest.csv"), (str(tmp_path / "a.png"), b"A")
    assert [outcome(item) for item in manifest(tmp_path, "\n".join(lines))] == [
        picture,
        (f"{path}:4", "image_missing"),
        picture,
        (f"{path}:6", "bad_row"),
        (f"{path}:7", "bad_row"),
        ("https://x.test/a.png", "unsupported_source"),
        picture,
    ]


def test_an_open_quote_is_one_error(tmp_path: Path) -> None:
    (item,) = manifest(tmp_path, 'image\n"never closed\nx.png\n')
    assert outcome(item) == (f"{tmp_path / 'manifest.csv'}:2", "bad_row")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "lacks the column `image`"),
        (b"picture,client\nx,y\n", "split at commas: picture, client"),
        (b"image;client\nx;y\n", "image;client"),
        (b"image,client,client\nx,y,z\n", "`client` more than once"),
        ("image,client\nx,y\n".encode("utf-16"), "UTF-8"),
        (b'"image\n', "no CSV"),
    ],
)
def test_a_wrong_header_is_a_usage_error(tmp_path: Path, text: bytes, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        manifest(tmp_path, text)
    assert says in caught.value.detail


def test_a_manifest_without_rows_is_empty(tmp_path: Path) -> None:
    assert manifest(tmp_path, "image\n") == []


def test_a_feed_is_read_like_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "a b.png").write_bytes(b"A")
    (item,) = feed(
        tmp_path,
        b'\xef\xbb\xbf{"image": "a b.png", "client": "B", "declared_ai": true, "price": 1.5, '
        b'"campaign": null, "alterations": ["crop", "colour"], "nested": {"k": ["\\u00e9"]}}',
    )
    assert outcome(item) == (str(tmp_path / "a b.png"), b"A")
    assert item.row == {
        "client": "B",
        "declared_ai": "true",
        "price": "1.5",
        "alterations": "crop|colour",
        "nested": '{"k": ["é"]}',
    }


def test_a_broken_line_costs_that_line_only(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"A")
    good = '{"image": "a.png"}'
    lines = [
        good,
        "",
        "{broken",
        b'{"image": "\xff"}',
        "[1]",
        '{"client": "B"}',
        '{"image": 7}',
        "[" * 100_000,
        good,
    ]
    bad = [outcome(item) for item in feed(tmp_path, *lines)]
    path = str(tmp_path / "feed.jsonl")
    assert bad[0] == bad[-1] == (str(tmp_path / "a.png"), b"A")
    assert bad[1:-1] == [
        (f"{path}:3", "bad_row"),
        (f"{path}:4", "bad_row"),
        (f"{path}:5", "bad_row"),
        (f"{path}:6", "image_missing"),
        (f"{path}:7", "bad_row"),
        (f"{path}:8", "bad_row"),
    ]


@pytest.mark.parametrize("image", ["\\ud800.png", "nul\\u0000.png"])
def test_a_name_that_no_file_can_have_is_an_error_of_its_line(tmp_path: Path, image: str) -> None:
    (item,) = feed(tmp_path, f'{{"image": "{image}", "client": "\\ud800"}}')
    assert outcome(item)[1] == "bad_name"
    item.source.encode()
    assert item.row == {"client": "\\ud800"}


@pytest.mark.parametrize("name", ["manifest.csv", "feed.jsonl"])
def test_a_source_that_cannot_be_opened_is_a_usage_error(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / name).write_bytes(b"image\n")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UsageError, match="Permission denied"):
        open_source(tmp_path / name)


CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(rows=st.lists(st.fixed_dictionaries({"image": CELL.filter(str.strip), "note": CELL}), max_size=6))
def test_every_row_of_a_written_manifest_comes_back(
    rows: list[Mapping[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    quoted = [
        ",".join('"' + row[name].replace('"', '""') + '"' for name in ("image", "note")) for row in rows
    ]
    items = manifest(folder, "\n".join(["image,note", *quoted]))
    assert [item.row for item in items] == [{"note": row["note"]} for row in rows]
