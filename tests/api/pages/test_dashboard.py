"""The dashboard's figures: pure charts, and the page as far as each key may see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.composition import Application
from api.pages.templating import environment
from api.pages.views.charts import (
    BOTTOM,
    CLIENTS,
    TOP,
    WEEKS,
    by_age,
    by_client,
    by_verdict,
    ceiling,
    chart_of,
)
from data.store.findings import KeptFinding
from data.store.queue import Week
from detector.decision import Verdict
from tests.api.colours import RED, drawn
from tests.api.pages.conftest import Browser

NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)
MONDAY = date(2026, 6, 1)

weeks_found = st.lists(
    st.builds(
        Week,
        st.integers(-2, WEEKS).map(lambda ago: MONDAY - timedelta(weeks=ago)),
        st.sampled_from([None, "Acme", "Bold"]),
        st.sampled_from(sorted(Verdict)).map(str),
        st.integers(1, 500),
    ),
    max_size=30,
)


@given(weeks_found)
def test_columns_hold_what_was_found_and_stay_in_the_plot(weeks: list[Week]) -> None:
    chart = chart_of(weeks, NOW)
    shown = [week for week in weeks if MONDAY - timedelta(weeks=WEEKS - 1) <= week.monday <= MONDAY]
    assert len(chart.columns) == WEEKS
    assert chart.columns[-1].monday == MONDAY
    assert chart.total == sum(week.findings for week in shown)
    for column in chart.columns:
        counts = Counter[str]()
        for week in shown:
            if week.monday == column.monday:
                counts[week.verdict] += week.findings
        assert {piece.verdict: column.of(piece.verdict) for piece in column.pieces} == counts
        assert column.x + column.width <= 100
        assert all(
            piece.y >= TOP - 0.02 and piece.y + piece.height <= BOTTOM + 0.02 for piece in column.pieces
        )


@given(st.integers(0, 10**7))
def test_the_scale_holds_what_is_there_and_is_not_much_larger(most: int) -> None:
    assert most <= ceiling(most)
    assert ceiling(most) == 2 or ceiling(most) < 2.6 * most


def test_totals_by_client_and_verdict_and_age() -> None:
    weeks = [Week(MONDAY, f"client {n}", "no_consent", n + 1) for n in range(CLIENTS + 2)]
    weeks.append(Week(MONDAY, None, "expired", 100))
    clients = by_client(weeks)
    assert (clients[0].name, clients[0].count, clients[0].share) == ("no client named", 100, 100.0)
    assert (clients[-1].name, clients[-1].count) == ("others", 1 + 2 + 3)
    assert [(bar.name, bar.count) for bar in by_verdict(weeks)] == [("no_consent", 55), ("expired", 100)]
    ages = by_age({1: 2, 7: 0, 30: 4, None: 1})
    assert [bar.name for bar in ages] == ["under a day", "1 to 7 days", "7 to 30 days", "over 30 days"]
    assert [bar.share for bar in ages] == [50.0, 0.0, 100.0, 25.0]


def test_the_page_counts_what_the_key_may_see(
    browse_as: Callable[..., Browser], flagged: Callable[..., KeptFinding]
) -> None:
    flagged("Acme")
    flagged("Bold", drawn(RED, seed=9))
    desk = browse_as("reviewer").get("/dashboard")
    assert "2 pictures flagged in twelve weeks" in desk
    assert "Bold" in desk
    assert "Consents that end next" in desk
    client = browse_as("scanner", client="Acme").get("/dashboard")
    assert "1 pictures flagged in twelve weeks" in client
    assert "Bold" not in client
    assert "Consents that end next" not in client


def test_consents_that_end_are_listed(
    browse_as: Callable[..., Browser], application: Application, ada: str
) -> None:
    browser = browse_as("admin")
    assert "No consent on record ends." in browser.get("/dashboard")
    release = {
        "kind": "biometric_enrolment",
        "grantor": {"role": "self"},
        "form": {"signed_at": "2026-01-01"},
    }
    ending = {**release, "privacy": {"retention_until": "2026-06-11"}}
    kept = application.registration.record_consent(ending, ada)
    page = browser.get("/dashboard")
    assert f'href="/consents/{kept.consent_id}">Ada &lt;Example&gt;</a>' in page
    assert "11 Jun 2026" in page


@pytest.mark.parametrize("name", environment(lambda: NOW).list_templates())
def test_every_template_compiles(name: str) -> None:
    environment(lambda: NOW).get_template(name)
