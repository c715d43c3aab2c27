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
    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    _hear_channels([structlog.stdlib.ExtraAdder(), *shared], renderer, level)


def _hear_channels(
    before: list[structlog.types.Processor],
    renderer: structlog.types.Processor,
    level: int,
) -> None:
    """Show in the same manner what channels log the standard way."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    channels = logging.getLogger("tambour.channels")
    channels.handlers = [handler]
    channels.setLevel(level)
    channels.propagate = False
