"""No picture of a non-commercial licence trains the tower, and nobody is on both sides of the split."""

import csv
from pathlib import Path

import pytest

from training.pictures import Picture, held_out_pictures, is_non_commercial, training_pictures

FIELDS = ("set", "file", "identity", "role", "notes", "licence", "source")


def write_manifest(folder: Path, licences: dict[str, str]) -> None:
    """Forty people of two LFW pictures each, the licence by number of picture."""
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, FIELDS, restval="")
        rows.writeheader()
        for person in range(40):
            for number, licence in licences.items():
                row = {"set": "lfw", "file": f"lfw/{person}/{number}.jpg", "identity": str(person)}
                rows.writerow({**row, "role": "reference", "licence": licence})


@pytest.mark.parametrize(
    ("licence", "forbidden"),
    [
        ("CC BY-NC-SA 4.0 (repo)", True),
        ('code Apache-2.0; images: "solely for non-commercial academic research"', True),
        ("Noncommercial use only", True),
        ("CC0", False),
        ("MIT (code); generated images", False),
        ("Tencent licence, Apache-2.0-style (code)", False),
    ],
)
def test_a_licence_says_whether_it_forbids_commercial_use(licence: str, forbidden: bool) -> None:
    assert is_non_commercial(Picture("a.jpg", "lfw", "somebody", licence)) is forbidden


def test_pictures_that_are_not_for_commercial_use_train_nothing(tmp_path: Path) -> None:
    write_manifest(tmp_path, {"1": "CC0", "2": "CC BY-NC 4.0"})
    files = [picture.file for picture in training_pictures(tmp_path)]
    assert files
    assert all(file.endswith("/1.jpg") for file in files)


def test_nobody_is_on_both_sides(tmp_path: Path) -> None:
    write_manifest(tmp_path, {"1": "CC0", "2": "CC0"})
    trained = {picture.identity for picture in training_pictures(tmp_path)}
    measured = {picture.identity for picture in held_out_pictures(tmp_path)}
    assert trained
    assert measured
    assert not trained & measured
    assert trained | measured == {str(person) for person in range(40)}
