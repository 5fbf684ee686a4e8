"""`python -m training`: data, teacher's targets, distillation and export, each going on where it was stopped.

    python -m training --teacher sscd.onnx --initial WHEEL --work WORK --minutes 80 [--eval-dir ../shared/eval]

What is in WORK already is used: run it again with new minutes to train on. Needs torch, torchvision, open_clip_torch,
timm, openvino, opencv-python-headless, pillow and numpy.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from training import bases, export, pictures
from training.distil import Options, train
from training.teacher import Teacher
from training.tower import SIDE

MEASURED_PICTURES = 400
TEACHER_SIDE = 192


def main() -> None:
    """Run the steps that the command line asks for."""
    asked = _parser().parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    teacher = Teacher(asked.teacher, TEACHER_SIDE)
    prepared = bases.prepare(asked.eval_dir, asked.work, teacher, asked.pictures, asked.seed)
    manifest = json.dumps(pictures.describe(asked.eval_dir), indent=2)
    (asked.work / "manifest.json").write_text(manifest + "\n", encoding="utf-8")
    held_out = [asked.eval_dir / each.file for each in pictures.held_out_pictures(asked.eval_dir)]
    measured = [
        bases.squash(bases.read_rgb(path)) for path in held_out[:: len(held_out) // MEASURED_PICTURES]
    ]
    if asked.minutes > 0:
        options = Options(asked.minutes, rate=asked.rate, side=asked.side, seed=asked.seed)
        train(prepared, np.stack(measured), asked.work, asked.initial, options)
    _report(asked.work / "checkpoint.pt", asked.out or asked.work / "tower", held_out[:50])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="Distil the image tower from SSCD."
    )
    parser.add_argument("--teacher", type=Path, required=True, help="SSCD's ONNX file")
    parser.add_argument("--work", type=Path, required=True, help="folder for arrays, checkpoint and log")
    parser.add_argument(
        "--initial", type=Path, help="wheel to start from (training.initial); nothing when not given"
    )
    parser.add_argument("--eval-dir", type=Path, default=Path("../shared/eval"))
    parser.add_argument("--out", type=Path, help="folder of the exported model; WORK/tower when not given")
    parser.add_argument(
        "--minutes", type=float, default=240.0, help="more minutes of training; 0 only exports"
    )
    parser.add_argument(
        "--pictures", type=int, default=1_000_000, help="only so many training pictures, for a trial"
    )
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument(
        "--side", type=int, default=SIDE, help="pixels of a view; smaller is faster, end at the tower's"
    )
    parser.add_argument("--seed", type=int, default=1)
    return parser


def _report(checkpoint: Path, folder: Path, sample: list[Path]) -> None:
    weights = export.export(checkpoint, folder)
    least, median = export.milliseconds(folder)
    print(f"{weights}: {weights.stat().st_size / 1e6:.2f} MB")
    print(
        f"OpenVINO against torch: least cosine {export.agreement(folder, sample):.6f} over {len(sample)} pictures"
    )
    print(f"OpenVINO, one core: least {least:.2f} ms, median {median:.2f} ms a picture")


if __name__ == "__main__":
    main()
