"""What deepface needs for the pictures named on standard input. Runs in deepface's own environment, without our code.

    PYTHON benchmarks/peer_deepface.py < paths      prints one line of JSON

YuNet finds, SFace recognises, every other setting is deepface's default. Its weights must lie in
$DEEPFACE_HOME/.deepface/weights already. One picture goes through before the clock starts.
"""

import importlib.metadata
import json
import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"


def main() -> None:
    paths = sys.stdin.read().splitlines()
    from deepface import DeepFace  # noqa: PLC0415 - seconds of loading that are no part of the figure

    def represent(path: str) -> int:
        return len(
            DeepFace.represent(path, model_name="SFace", detector_backend="yunet", enforce_detection=False)
        )

    represent(paths[0])
    began, processor = time.monotonic(), time.process_time()
    faces = sum(map(represent, paths))
    print(
        json.dumps(
            {
                "seconds": time.monotonic() - began,
                "processor_seconds": time.process_time() - processor,
                "pictures": len(paths),
                "faces": faces,
                "versions": _versions(
                    "deepface", "opencv-contrib-python-headless", "opencv-python", "tensorflow"
                ),
            }
        )
    )


def _versions(*names: str) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    main()
