"""The users of `benchmarks.load`, run by locust in a process of its own: each sends the next picture as soon as the last
is answered, until all requests are done.

What to do comes as JSON in LOAD_PLAN, what it came to goes as JSON to its `out`. Every answer is held against the one
that the same picture got when it was sent alone.
"""

from __future__ import annotations

import json
import os
import time
from itertools import cycle
from pathlib import Path
from typing import Any, ClassVar

import gevent
from locust import events, task
from locust.contrib.fasthttp import FastHttpUser
from locust.exception import StopUser

from benchmarks.answers import differences

PLAN: dict[str, Any] = json.loads(os.environ["LOAD_PLAN"])
ALONE = Path(PLAN["alone"])


class Tally:
    """What the answers came to. Users run one at a time between their calls, so nothing is locked."""

    left: ClassVar[int] = PLAN["requests"]
    seconds: ClassVar[list[float]] = []
    ended: ClassVar[list[float]] = []
    busy: ClassVar[int] = 0
    wrong: ClassVar[list[str]] = []


class Caller(FastHttpUser):
    """Asks again where the service says that it is busy."""

    host = PLAN["address"]
    pictures: ClassVar[Any] = cycle(enumerate(PLAN["pictures"]))
    headers: ClassVar[dict[str, str]] = {
        "Authorization": f"Bearer {PLAN['key']}",
        "Content-Type": "application/octet-stream",
    }

    @task
    def check(self) -> None:
        if Tally.left <= 0:
            raise StopUser
        Tally.left -= 1
        number, path = next(Caller.pictures)
        data = Path(path).read_bytes()
        while not self._answered(number, data):
            Tally.busy += 1
            time.sleep(0.05)

    def _answered(self, number: int, data: bytes) -> bool:
        began = time.perf_counter()
        with self.client.request(
            "POST", PLAN["path"], name="checks", data=data, headers=self.headers, catch_response=True
        ) as answer:
            seconds = time.perf_counter() - began
            answer.success()
        if answer.status_code == 503:
            return False
        Tally.seconds.append(seconds)
        Tally.ended.append(time.monotonic())
        alone = (ALONE / f"{number}.json").read_bytes()
        if answer.status_code != 200:
            Tally.wrong.append(f"{number}: {answer.status_code}")
        elif found := differences(alone, answer.content):
            Tally.wrong.append(f"{number}: {', '.join(found[:3])}")
        return True


@events.init.add_listener
def _end_when_done(environment: Any, **_: object) -> None:
    gevent.spawn(_wait, environment)


def _wait(environment: Any) -> None:
    """All are answered: tell, and leave. locust itself would wait for users that there are no more."""
    while len(Tally.seconds) < PLAN["requests"]:
        gevent.sleep(0.1)
    _tell()
    environment.runner.quit()


def _tell() -> None:
    found = {"seconds": Tally.seconds, "ended": Tally.ended, "busy": Tally.busy, "wrong": Tally.wrong}
    Path(PLAN["out"]).write_text(json.dumps(found), encoding="utf-8")
