"""The descriptors of the standard streams."""

from __future__ import annotations

import os

__all__ = ["fill_streams"]


def fill_streams() -> None:
    """Opens the null device in the place of standard streams that are closed.

    A program that was started without them gets their numbers, 0 to 2, for the next files that
    it opens, shared memory among them, and what C libraries print would land in there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # The lowest number that is free is what the system hands out.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
