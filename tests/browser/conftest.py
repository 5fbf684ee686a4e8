"""The pages in a real Chromium, over a real server on loopback whose people are colours.

Every page that a test opens is watched: an error in its console, a script that breaks, or a request to any other place
fails the test. `look` is what a person would notice: nothing runs out at the side, and axe finds nothing serious, on a
wide light screen and on a narrow dark one. LOOKALIKE_SCREENSHOTS names a folder for pictures of what was looked at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from api.checking import Check
from api.composition import Application
from api.http.app import create_app
from api.http.service import Service
from data.store.keys import NewKey
from detector.access import Role
from detector.pipeline import Submission
from detector.use import Use
from tests.api.colours import RED, Installation, drawn
from tests.api.conftest import colours, enrolled, here
from tests.conftest import CHROMIUM
from tests.serving import served

__all__ = ["colours", "enrolled", "here"]

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--disable-component-update",
    "--disable-sync",
)
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SCREENS = (("light", WIDE), ("dark", WIDE), ("light", NARROW), ("dark", NARROW))
AXED = (("light", WIDE), ("dark", NARROW))

SCREENSHOTS = os.environ.get("LOOKALIKE_SCREENSHOTS")
"""Read at once: a test's installation begins without any such variable."""

SignIn = Callable[..., Page]
Flag = Callable[..., str]
Look = Callable[[Page, str], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def application(here: Installation) -> Iterator[Application]:
    with Application(here.configured, here.parts) as opened:
        yield opened


@pytest.fixture
def service(application: Application) -> Service:
    return Service(application)


@pytest.fixture
def address(service: Service) -> Iterator[str]:
    """Where the service answers."""
    with served(create_app(service)) as found:
        yield found


@pytest.fixture
def flag(
    service: Service, application: Application, address: str, enrolled: Callable[[str, str], str]
) -> Flag:
    """Has pictures of Ana checked, who granted nobody anything: `flag("look.png", client="Acme")` gives the finding."""
    enrolled("ana", "red")
    key, _ = application.store.keys.create(NewKey(Role.MONITOR, "Watch"))

    def flagged(name: str, **use: Any) -> str:
        picture = Submission(name, drawn(RED, seed=sum(name.encode()), size=320), Use(**use))
        finding_id = service.checks.answer_here(Check(picture), key.principal).finding_id
        assert finding_id is not None
        return finding_id

    return flagged


@pytest.fixture
def open_page(chromium: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """A page of a browser of its own, watched. Options are those of a context."""
    faults: list[str] = []
    contexts = []

    def opened(**options: Any) -> Page:
        context = chromium.new_context(**{"viewport": WIDE, "base_url": address, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"script: {error}"))
        page.on("console", lambda said: faults.append(said.text) if _is_fault(said.type, said.text) else None)
        page.on(
            "request", lambda asked: faults.append(asked.url) if _is_elsewhere(asked.url, address) else None
        )
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def _is_fault(kind: str, text: str) -> bool:
    """Refusals that a test asks for are told in the console as well; all else there is a fault."""
    return kind in ("error", "warning") and "the server responded with a status of 4" not in text


def _is_elsewhere(url: str, address: str) -> bool:
    return not url.startswith((address, "blob:", "data:"))


@pytest.fixture
def sign_in(open_page: Callable[..., Page], application: Application) -> SignIn:
    """A page where somebody with a new key has signed in: `sign_in("reviewer")`, `sign_in("scanner", client="Acme")`."""

    def signed_in(
        role: str = "admin", client: str | None = None, agency: str | None = None, **options: Any
    ) -> Page:
        _, key = application.store.keys.create(NewKey(Role(role), f"Desk of the {role}", client, agency))
        page = open_page(**options)
        page.goto("/sign-in")
        page.get_by_label("Key", exact=True).fill(key)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "sign-in" not in url)
        return page

    return signed_in


@pytest.fixture
def look() -> Look:
    """Look at the page as it is now, on every screen."""

    def looked(page: Page, name: str) -> None:
        page.wait_for_load_state("networkidle")
        for theme, screen in SCREENS if SCREENSHOTS else AXED:
            page.set_viewport_size(screen)
            page.emulate_media(color_scheme=theme)
            too_wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert too_wide <= 0, f"{name}: {too_wide} pixels run out at the side at {screen['width']}"
            if SCREENSHOTS:
                shot = Path(SCREENSHOTS) / f"{name}-{screen['width']}-{theme}.png"
                page.screenshot(path=str(shot), full_page=True)
            if (theme, screen) in AXED:
                assert serious(page) == [], name
        page.set_viewport_size(WIDE)
        page.emulate_media(color_scheme="light")

    return looked


def serious(page: Page) -> list[str]:
    """What axe finds serious or critical: the rule and where."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {[node['target'] for node in each['nodes']]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
