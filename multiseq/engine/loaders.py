"""The table of loaders: who loads beside the thread that asks, by the name of the engine."""

from __future__ import annotations

from collections.abc import Callable

from ..settings import Settings
from .interfaces import Loader
from .processes.loader import ProcessesLoader
from .ray.loader import RayLoader
from .threads import ThreadsLoader

__all__ = ["new_loader"]


def _threads(settings: Settings) -> Loader:
    return ThreadsLoader(settings.parallel.workers)


def _processes(settings: Settings) -> Loader:
    return ProcessesLoader(
        settings.parallel.workers, settings.parallel.max_queue_size, settings.timeout
    )


def _ray(settings: Settings) -> Loader:
    return RayLoader(settings.parallel.workers, settings.timeout)


_LOADERS: dict[str, Callable[[Settings], Loader]] = {
    "threads": _threads,
    "processes": _processes,
    "ray": _ray,
}


def new_loader(settings: Settings) -> Loader | None:
    """Returns a loader with its workers started; None where the thread that asks loads itself."""
    make = _LOADERS.get(settings.engine)
    return None if make is None else make(settings)
