"""Whether this thread is loading just now."""

from __future__ import annotations

import threading

__all__ = ["loading"]


class _Loading(threading.local):
    """A mark on the thread in which the hooks of a sequence run.

    What a hook returns is a function of its arguments alone. What differs by worker, such as the
    epoch, is refused to whoever asks for it in there.
    """

    depth = 0

    def __enter__(self) -> None:
        self.depth += 1

    def __exit__(self, *_: object) -> None:
        self.depth -= 1


loading = _Loading()
