"""How a process that goes on for long logs: lines on standard error. Never a path, a query, a body, a name or a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def log_config(levels: Mapping[str, str]) -> dict[str, Any]:
    """For `logging.config.dictConfig`: the level of each logger, by its name."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "loggers": {
            name: {"handlers": ["stderr"], "level": level, "propagate": False}
            for name, level in levels.items()
        },
    }
