"""How much of the bare pipeline's speed the service keeps under load, and whether every answer stays right.

    python -m benchmarks.load ../shared/eval [--shop 600] [--lfw 10000] [--users 32] [--seed 7]

Per set (pictures of a shop's size, photographs of LFW): the bare pipeline scans the pictures (`benchmarks.scan_speed`);
a real `lookalike serve` in a process of its own is asked for each picture alone; locust's users then ask for them all
at once, over the loopback, until so many requests are answered; the bare pipeline scans once more, and the mean of its
two speeds is what the service is held against, since the machine may have other work. Users, service and networks
share the machine's cores. Printed: requests a second beside it, the middle and the slowest hundredth of the
answers' times, the service's memory and how it grows, and answers that differ from the one given alone (wrong).

Needs the extra `bench`: `pip install -e '.[bench]'`.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import psutil

from benchmarks.figures import Figure, Result, heading
from benchmarks.scan_speed import apart
from benchmarks.throughput import enrolled_state, lfw_pictures, shop_pictures

USERS = Path(__file__).with_name("load_user.py")
PATIENT = 120
DISTINCT = 300
"""Different pictures of a set; they are sent again and again."""


@dataclass(frozen=True, slots=True)
class PictureSet:
    """Different pictures, and how many requests with them."""

    name: str
    pictures: Sequence[Path]
    requests: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one set came to. bare: pictures a second of the bare pipeline, before and after. seconds: of each request;
    ended: when each was answered; alone: seconds of the requests sent one at a time; memory: resident MiB of the service
    with the number of requests answered by then."""

    name: str
    bare: tuple[float, float]
    seconds: Sequence[float]
    ended: Sequence[float]
    alone: Sequence[float]
    busy: int
    wrong: Sequence[str]
    memory: Sequence[tuple[int, float]]

    @property
    def rate(self) -> float:
        """Requests a second, from the first hundredth on, which finds the service cold, to the last."""
        ended = np.sort(np.array(self.ended))
        first = len(ended) // 100
        return float((len(ended) - first - 1) / (ended[-1] - ended[first]))

    @property
    def share(self) -> float:
        return self.rate / float(np.mean(self.bare))

    @property
    def growth(self) -> float:
        """MiB that the service's memory grows by over 10,000 requests, fitted over the last two thirds."""
        tail = np.array(self.memory[len(self.memory) // 3 :])
        return float(np.polyfit(tail[:, 0], tail[:, 1], 1)[0]) * 10_000


def main() -> None:
    options = _options()
    print(heading(options))
    os.environ["LOOKALIKE_IMAGE_NETWORK"] = options.image_network
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        state = enrolled_state(options.folder, work, options.references)
        sets = _sets(options, work)
        found = [_measured(one, state, work, options.users) for one in sets if one.requests]
    for one in found:
        _print(one)
    if options.json:
        Result.of("load", options, [figure for one in found for figure in _figures(one)]).write(options.json)


def _sets(options: argparse.Namespace, work: Path) -> list[PictureSet]:
    chosen = argparse.Namespace(
        folder=options.folder,
        seed=options.seed,
        pictures=min(DISTINCT, options.shop),
        lfw=min(DISTINCT, options.lfw),
    )
    shop = shop_pictures(chosen, work) if options.shop else []
    return [
        PictureSet("shop", shop, options.shop),
        PictureSet("lfw", lfw_pictures(chosen), options.lfw),
    ]


def _measured(chosen: PictureSet, state: Path, work: Path, users: int) -> Loaded:
    before = apart(state, chosen.pictures).rate
    alone_in, out = work / f"{chosen.name}-alone", work / f"{chosen.name}.json"
    with _service(state, work) as (address, key, process):
        path = f"/v1/checks?as_of={datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        alone = _one_by_one(f"{address}{path}", key, chosen.pictures, alone_in)
        plan = {
            "address": address,
            "path": path,
            "key": key,
            "pictures": [str(picture) for picture in chosen.pictures],
            "alone": str(alone_in),
            "requests": chosen.requests,
            "out": str(out),
        }
        with _watched(process) as memory:
            _users(plan, users)
    found = json.loads(out.read_text(encoding="utf-8"))
    counted = [(int(np.searchsorted(found["ended"], at)), size) for at, size in memory]
    bare = (before, apart(state, chosen.pictures).rate)
    return Loaded(chosen.name, bare, alone=alone, memory=counted, **found)


@contextmanager
def _service(state: Path, work: Path) -> Iterator[tuple[str, str, psutil.Process]]:
    """`lookalike serve` as a person starts it, with an admin's key."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = {**os.environ, "LOOKALIKE_STATE_DIR": str(state), "LOOKALIKE_HTTP_RATE": "1000000"}
    program = [sys.executable, "-m", "api.main"]
    made = [*program, "key", "create", "--role", "admin", "--name", "load"]
    key = subprocess.run(made, env=environ, capture_output=True, text=True, check=True).stdout
    token = next(word for word in key.split() if word.startswith("lk_"))
    with (work / "serve.log").open("ab") as log:
        process = subprocess.Popen([*program, "serve", "--port", str(port)], env=environ, stderr=log)
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}", process)
            yield f"http://127.0.0.1:{port}", token, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(PATIENT)


def _wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit("the service ended before it was ready")
        try:
            if httpx2.get(f"{address}/readyz").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise SystemExit("the service did not get ready")


def _one_by_one(url: str, key: str, pictures: Sequence[Path], folder: Path) -> list[float]:
    """Each picture alone; its answer is kept as NUMBER.json. Returns the seconds of each."""
    folder.mkdir()
    seconds = []
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/octet-stream"}
    with httpx2.Client(timeout=PATIENT) as client:
        for number, picture in enumerate(pictures):
            data, began = picture.read_bytes(), time.perf_counter()
            answer = client.post(url, content=data, headers=headers)
            seconds.append(time.perf_counter() - began)
            if answer.status_code != 200:
                raise SystemExit(f"{picture}: {answer.text}")
            (folder / f"{number}.json").write_bytes(answer.content)
    return seconds


def _users(plan: Mapping[str, Any], users: int) -> None:
    many = ["--users", str(users), "--spawn-rate", str(users), "--headless", "--only-summary"]
    environ = {**os.environ, "LOAD_PLAN": json.dumps(plan), "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-m", "locust", "-f", str(USERS), *many]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if not Path(plan["out"]).exists():
        raise SystemExit(f"locust ended with {done.returncode}: {done.stderr[-800:]}")


@contextmanager
def _watched(process: psutil.Process, every: float = 0.5) -> Iterator[list[tuple[float, float]]]:
    """While the body runs, the process's resident MiB at moments of the monotonic clock."""
    seen: list[tuple[float, float]] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(every):
            seen.append((time.monotonic(), process.memory_info().rss / 2**20))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def _print(one: Loaded) -> None:
    bare = " and ".join(f"{rate:.1f}" for rate in one.bare)
    middle, slow = (1000 * float(np.percentile(one.seconds, at)) for at in (50, 99))
    print(
        f"\n{one.name}: {len(one.seconds)} requests, asked again when busy {one.busy} times, wrong {len(one.wrong)}"
    )
    print(
        f"  {one.rate:.1f} requests a second; bare pipeline {bare} pictures a second: {one.share:.0%} of it"
    )
    print(
        f"  p50 {middle:.0f} ms, p99 {slow:.0f} ms; sent alone p50 {1000 * float(np.median(one.alone)):.0f} ms"
    )
    print(f"  service's memory: peak {_peak(one):.0f} MiB, {one.growth:+.0f} MiB over 10,000 requests")
    for line in one.wrong[:10]:
        print(f"  wrong: {line}")


def _peak(one: Loaded) -> float:
    return max(size for _, size in one.memory)


def _figures(one: Loaded) -> Iterator[Figure]:
    name, bare = one.name, float(np.mean(one.bare))
    yield Figure(f"{name}: requests a second", one.rate, "/s", peer=bare, peer_name="bare pipeline")
    yield Figure(f"{name}: share of the bare pipeline", one.share, "share", goal=0.9)
    yield Figure(f"{name}: p50", 1000 * float(np.percentile(one.seconds, 50)), "ms", "at most")
    yield Figure(f"{name}: p99", 1000 * float(np.percentile(one.seconds, 99)), "ms", "at most")
    yield Figure(f"{name}: wrong answers", len(one.wrong), "answers", "at most", goal=0.0)
    yield Figure(f"{name}: peak memory of the service", _peak(one), "MiB", "at most")
    yield Figure(f"{name}: memory growth over 10,000 requests", one.growth, "MiB", "at most", goal=50.0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the evaluation pictures")
    parser.add_argument("--shop", type=int, default=600, help="requests with pictures of a shop's size")
    parser.add_argument("--lfw", type=int, default=10_000, help="requests with photographs of LFW")
    parser.add_argument("--users", type=int, default=32, help="calls at once")
    parser.add_argument("--references", type=int, default=766, help="rows of the gallery to enrol")
    parser.add_argument("--image-network", default="sscd", help="the setting image_network")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
