"""Who loads, and when: the readers and loaders behind `seq[i]`."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Finds `crew` where it was before it moved into `processes`."""
    if name == "crew":
        from .processes import crew

        return crew
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
