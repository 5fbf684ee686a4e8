"""`lookalike worker`: works on scans and everything that is done from time to time."""

from __future__ import annotations

import typer

from api.commands.session import opened


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("worker")(worker)


def worker(ctx: typer.Context) -> None:
    """Work on the scans that the service takes in, until stopped (Ctrl-C finishes the batch under way).

    Several workers share one store, on one machine or on several; `lookalike serve` has one built in (setting
    `serve_jobs`). A worker that dies loses nothing: another goes on with its scan.
    """
    from api.jobs.building import jobs_of
    from api.jobs.process import work

    with opened(ctx) as application:
        work(jobs_of(application))
