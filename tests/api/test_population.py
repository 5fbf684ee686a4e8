"""Labelled pictures: a manifest of people, or a gallery with probes."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.population import MOST_REFERENCES, read_population
from detector.errors import UsageError


def written(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, "utf-8")
    return folder / name


def manifest(folder: Path, rows: dict[str, int]) -> Path:
    lines = [f"{person},{person}-{n}.jpg" for person, count in rows.items() for n in range(count)]
    return written(folder, "people.csv", "\n".join(["person,image,note", *lines]))


@pytest.mark.parametrize(
    ("pictures", "references"), [(1, 1), (2, 1), (3, 2), (9, MOST_REFERENCES), (40, MOST_REFERENCES)]
)
def test_the_first_half_of_a_persons_pictures_are_references(
    tmp_path: Path, pictures: int, references: int
) -> None:
    found = read_population(manifest(tmp_path, {"ada": pictures}))
    assert [one.reference for one in found] == [True] * references + [False] * (pictures - references)
    assert {(one.group, one.shows) for one in found} == {("ada", frozenset({"ada"}))}
    assert found[0].path == tmp_path / "ada-0.jpg"


def test_a_picture_listed_twice_counts_once(tmp_path: Path) -> None:
    path = written(tmp_path, "people.csv", "person,image\nada,a.jpg\nada,a.jpg\nada,b.jpg\n")
    assert [(one.path.name, one.reference) for one in read_population(path)] == [
        ("a.jpg", True),
        ("b.jpg", False),
    ]


def test_cells_are_trimmed(tmp_path: Path) -> None:
    path = written(tmp_path, "people.csv", "person,image\n ada , a.jpg \nada,b.jpg\n")
    assert [(one.group, one.path.name) for one in read_population(path)] == [
        ("ada", "a.jpg"),
        ("ada", "b.jpg"),
    ]


def test_a_folder_has_its_gallery_and_its_probes(tmp_path: Path) -> None:
    written(tmp_path, "gallery.csv", "talent_ref,image\nada,g/a.jpg\n")
    written(
        tmp_path,
        "probes.csv",
        "image,truth,kind,person\np/a.jpg,ada,real,\np/both.jpg,ada|bo,,\nx/1.jpg,,real,\nx/2.jpg,,real,cy\n"
        "p/fake.jpg,ada,replica-photoreal,\n",
    )
    found = read_population(tmp_path)
    assert [(one.path.name, set(one.shows), one.reference) for one in found] == [
        ("a.jpg", {"ada"}, True),
        ("a.jpg", {"ada"}, False),
        ("both.jpg", {"ada", "bo"}, False),
        ("1.jpg", set(), False),
        ("2.jpg", set(), False),
    ]
    assert [one.group for one in found[2:]] == ["ada|bo", str(tmp_path / "x"), "cy"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("who,image\nada,a.jpg\n", "lacks the column person"),
        ("person,image\n,a.jpg\n", "line 2: person is empty"),
        ("person,image\nada,a.jpg,more\n", "line 2: more cells"),
        ("", "lacks the column person, image"),
        ("person,image\nada,\udcff.jpg\n", "UTF-8"),
    ],
)
def test_a_manifest_that_cannot_be_used_says_why(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "people.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=said):
        read_population(tmp_path / "people.csv")


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nobody\.csv can't be read"):
        read_population(tmp_path / "nobody.csv")
    with pytest.raises(UsageError, match=r"gallery\.csv can't be read"):
        read_population(tmp_path)
