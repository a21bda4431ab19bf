"""Names of threads for the operating system, if a library for that is installed."""

from __future__ import annotations

import importlib
import logging

from coolamqp.log_events import LogEvent, extra

logger = logging.getLogger(__name__)

# Modules and functions that name the calling thread; the first one that is installed is used.
_NAMERS = (('prctl', 'set_name'), ('setproctitle', 'setthreadtitle'))


def name_this_thread(name: str) -> None:
    """Name the calling thread in `ps` and `top`, if that is possible."""
    for module_name, function in _NAMERS:
        try:
            module = importlib.import_module(module_name)
        except ImportError:
            continue
        try:
            getattr(module, function)(name)
        except Exception as error:  # noqa: BLE001 - a name is not worth a connection
            logger.debug(
                '%s cannot name a thread: %s',
                module_name,
                error,
                extra=extra(LogEvent.THREAD_NOT_NAMED, cause=error),
            )
        else:
            return
