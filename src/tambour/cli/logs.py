"""The log of what sends: one event a line, on standard error."""

from __future__ import annotations

import logging
import sys

import structlog


def log_to_stderr(*, as_json: bool, quiet: bool) -> None:
    """Write logs to standard error: as JSON for programs, else for people."""
    level = logging.WARNING if quiet else logging.INFO
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
