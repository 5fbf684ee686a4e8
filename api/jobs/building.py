"""Jobs of a real installation: detector, batches and cores as in `lookalike scan`; pictures of the web are fetched."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from api.composition import Application
from api.jobs.jobs import Chore, Jobs
from api.jobs.scan_runner import LEASE_SECONDS, Pace, RunnerParts, ScanRunner
from api.retention import Hourly
from api.scanning import Scanner, ScanPlan, batch_for
from api.web import outgoing_web
from api.webhooks.chores import chores_of
from data.sources.web import Fetcher
from detector.use import Use


def jobs_of(
    application: Application, chores: Sequence[Chore] = (), lease_seconds: float = LEASE_SECONDS
) -> Jobs:
    """The jobs of this process, webhooks among them; networks are loaded when it becomes a worker."""
    overdue = Hourly(application.store, application.clock, application.settings.evidence_days)
    every = (*chores_of(application), Chore("retention", overdue), *chores)
    return Jobs(application.settings, application.store, lambda: runner_of(application, lease_seconds), every)


def runner_of(application: Application, lease_seconds: float = LEASE_SECONDS) -> ScanRunner:
    """Everything that threads share is built here, before they start. Raises as `Application.detector`."""
    detector, settings, workers = application.detector(), application.settings, application.threads
    application.registry.refresh()
    fetcher = Fetcher(outgoing_web(settings), settings.decode_max_bytes, robots=settings.web_robots)

    def refs(talents: Collection[str]) -> Mapping[str, str]:
        return application.store.talents.refs(sorted(talents))

    def scanner(at: datetime, use: Use, pace: Pace) -> Scanner:
        return Scanner(detector, refs, ScanPlan(at, use, pace.batch, pace.workers))

    return ScanRunner(
        RunnerParts(
            store=application.store,
            scanner=scanner,
            fetch=lambda address: fetcher.fetch(address).data,
            pace=Pace(batch_for(settings.batch_size, workers), workers),
            lease_seconds=lease_seconds,
        )
    )
