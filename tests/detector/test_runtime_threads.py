"""First inferences that start in several threads at once come back, whatever the interpreter's timing."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys, threading
import numpy as np
import openvino
import openvino.opset13 as ops
from detector.runtime import Network

image = ops.parameter([1, 3, 8, 8], np.float32)
network = Network(openvino.Model([ops.relu(image)], [image]), (1, 3, 8, 8))
network.load()
sys.setswitchinterval(1e-6)
ready = []

def infer():
    ready.append(1)
    while len(ready) < 8:
        pass
    network.run(np.zeros((1, 3, 8, 8), np.float32))

threads = [threading.Thread(target=infer, daemon=True) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_first_inferences_in_several_threads_do_not_wait_for_each_other():
    for _ in range(4):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], timeout=60, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
