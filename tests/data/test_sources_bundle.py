"""Bundles: uploaded files and ZIPs, the honest and the hostile ones."""

from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.sources.archive import Archive
from data.sources.bundle import Bundle, BundleLimits, UploadedFiles, bundled_item, safe_name
from detector.errors import BadBundle, InputError, UnreadableInput

LIMITS = BundleLimits(files=20, file_bytes=1000, total_bytes=2500)
Files = Mapping[str, bytes]


def packed(files: Files, method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return body


def as_archive(files: Files) -> Bundle:
    return Archive(packed(files), LIMITS)


def as_uploads(files: Files) -> Bundle:
    return UploadedFiles([(name, io.BytesIO(data)) for name, data in files.items()], LIMITS)


each_kind = pytest.mark.parametrize("bundle_of", [as_archive, as_uploads])
BundleOf = Callable[[Files], Bundle]


def refused(action: Callable[[], object], kind: type[InputError] = BadBundle) -> str:
    with pytest.raises(kind) as error:
        action()
    return error.value.code


@each_kind
def test_files_are_read_by_their_names_in_either_form_of_unicode(bundle_of: BundleOf) -> None:
    bundle = bundle_of({"a/roster.csv": b"rows", "a/Zoe\u0308.jpg": b"picture"})
    assert bundle.names() == ["a/roster.csv", "a/Zo\u00eb.jpg"]
    item = bundled_item(bundle, "a/Zoe\u0308.jpg")
    assert (item.source, item.read(), item.read()) == ("a/Zoe\u0308.jpg", b"picture", b"picture")
    assert refused(lambda: bundle.read("b.jpg"), UnreadableInput) == "file_missing"


@each_kind
@pytest.mark.parametrize(
    "name",
    [
        "../a.jpg",
        "/etc/passwd",
        "a/../../b",
        "a\\..\\b",
        "C:/a",
        "c:a",
        "a//b",
        "./a",
        "a/ /b",
        "a\nb",
        "x" * 300,
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(bundle_of: BundleOf, name: str) -> None:
    assert refused(lambda: bundle_of({"roster.csv": b"", name: b"x"})) == "unsafe_name"


@each_kind
def test_too_many_files_are_refused(bundle_of: BundleOf) -> None:
    assert refused(lambda: bundle_of({f"{number}.jpg": b"" for number in range(21)})) == "too_many_files"
    assert len(bundle_of({f"{number}.jpg": b"" for number in range(20)}).names()) == 20


@each_kind
def test_a_file_and_the_whole_may_only_be_so_large(bundle_of: BundleOf) -> None:
    bundle = bundle_of(
        {"large": b"x" * 1001, "a": b"a" * 1000, "b": b"b" * 1000, "c": b"c" * 501, "d": b"d" * 500}
    )
    assert refused(lambda: bundle.read("large"), UnreadableInput) == "too_large"
    assert bundle.read("a") + bundle.read("b") == b"a" * 1000 + b"b" * 1000
    assert refused(lambda: bundle.read("c"), UnreadableInput) == "bundle_too_large"
    assert bundle.read("d") == b"d" * 500


def test_two_files_of_one_name_are_refused() -> None:
    files = [("a.jpg", io.BytesIO()), ("a.jpg", io.BytesIO())]
    assert refused(lambda: UploadedFiles(files, LIMITS)) == "duplicate_name"


def test_a_bomb_is_never_held_whole() -> None:
    bomb = packed({"bomb.jpg": bytes(200_000_000)})
    tracemalloc.start()
    try:
        assert refused(lambda: Archive(bomb, LIMITS).read("bomb.jpg"), UnreadableInput) == "too_large"
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_member_that_lies_about_its_size_gives_no_more_than_it_said() -> None:
    body = packed({"a.jpg": bytes(100_000)}).getvalue()
    small = body.replace(struct.pack("<L", 100_000), struct.pack("<L", 10))
    assert refused(lambda: Archive(io.BytesIO(small), LIMITS).read("a.jpg"), UnreadableInput) == "damaged"


def test_members_read_again_and_again_use_up_the_budget() -> None:
    bundle = as_archive({"a": b"x" * 900})
    assert bundle.read("a") == bundle.read("a")
    assert refused(lambda: bundle.read("a"), UnreadableInput) == "bundle_too_large"


def test_a_long_table_of_contents_is_refused_before_it_is_read() -> None:
    crowd = packed({f"{number}": b"" for number in range(3000)}).getvalue()
    end = crowd.rfind(b"PK\x05\x06")
    hidden = crowd[: end + 8] + struct.pack("<HH", 1, 1) + crowd[end + 12 :]
    assert refused(lambda: Archive(io.BytesIO(crowd), LIMITS)) == "too_many_files"
    assert refused(lambda: Archive(io.BytesIO(hidden), LIMITS)) == "too_many_files"


def test_the_large_form_is_refused() -> None:
    body = packed({"a": b"x"}).getvalue()
    end = body.rfind(b"PK\x05\x06")
    large = body[:end] + b"PK\x06\x07" + bytes(16) + body[end:]
    assert refused(lambda: Archive(io.BytesIO(large), LIMITS)) == "too_many_files"


def test_a_link_is_no_file() -> None:
    link = zipfile.ZipInfo("a.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert refused(lambda: Archive(body, LIMITS).read("a.jpg"), UnreadableInput) == "not_a_file"


def test_an_encrypted_member_says_so() -> None:
    body = bytearray(packed({"a.jpg": b"x"}).getvalue())
    body[body.find(b"PK\x01\x02") + 8] |= 1
    assert refused(lambda: Archive(io.BytesIO(body), LIMITS).read("a.jpg"), UnreadableInput) == "encrypted"


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_methods_that_need_much_memory_are_refused(method: int) -> None:
    bundle = Archive(packed({"a.jpg": b"x"}, method), LIMITS)
    assert refused(lambda: bundle.read("a.jpg"), UnreadableInput) == "damaged"


def test_a_zip_in_a_zip_is_a_file_and_folders_and_traces_of_macos_are_left_out() -> None:
    inner = packed({"b.jpg": b"x"}).getvalue()
    bundle = as_archive({"f/": b"", "f/inner.zip": inner, "__MACOSX/f/._a": b"", "f/.DS_Store": b""})
    assert bundle.names() == ["f/inner.zip"]
    assert bundle.read("f/inner.zip") == inner


@pytest.mark.parametrize("body", [b"", b"PK\x05\x06", b"no zip at all", b"PK\x05\x06" + bytes(17)])
def test_what_is_no_zip_says_so(body: bytes) -> None:
    assert refused(lambda: Archive(io.BytesIO(body), LIMITS)) == "not_an_archive"


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(0, 40),
)
def test_a_damaged_zip_is_an_error_of_its_own_or_still_readable(
    changes: list[tuple[int, int]], cut: int
) -> None:
    body = bytearray(packed({"roster.csv": b"a,b\n" * 50, "a.jpg": b"jpg" * 30}).getvalue())
    for place, value in changes:
        body[place % len(body)] = value
    try:
        bundle = Archive(io.BytesIO(body[: len(body) - cut]), LIMITS)
    except BadBundle:
        return
    for name in bundle.names():
        with suppress(UnreadableInput):
            assert len(bundle.read(name)) <= LIMITS.file_bytes


@given(st.text(max_size=20))
def test_a_name_that_is_taken_stays_where_it_is(name: str) -> None:
    with suppress(BadBundle):
        assert not {"", ".", ".."} & set(safe_name(name).split("/"))
