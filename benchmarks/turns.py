"""Measures contenders in turns, so that whatever else the machine does strikes all of them.

Figures are medians over rounds, and ratios are medians of each round's ratio. The first round
warms up and does not count.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Iterable, Mapping

__all__ = ["measure", "rounds_from_arguments", "show"]

Contender = Callable[[], Iterable[object]]


def measure(contenders: Mapping[str, Contender], rounds: int) -> dict[str, list[float]]:
    """Returns the batches per second of each contender, one figure a round.

    Args:
        contenders: By name; each returns an iterable over the batches of one epoch.
        rounds: How many rounds count.
    """
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, contender in contenders.items():
            gc.collect()
            batches = iter(contender())
            began = time.perf_counter()
            count = sum(1 for _ in batches)
            elapsed = time.perf_counter() - began
            if turn:
                speeds[name].append(count / elapsed)
    return speeds


def show(title: str, speeds: Mapping[str, list[float]], ours: str) -> None:
    """Prints a table: batches per second, and how many times as fast ours is."""
    print(f"\n{title}\n{'':44}{'batches/s':>12}{'min':>11}{'max':>11}{'ours is':>10}")
    for name, figures in speeds.items():
        ratio = statistics.median(
            mine / other for mine, other in zip(speeds[ours], figures, strict=True)
        )
        median = statistics.median(figures)
        print(
            f"{name:44}{median:12.1f}{min(figures):11.1f}{max(figures):11.1f}"
            f"{'' if name == ours else f'{ratio:9.2f}x'}"
        )


def rounds_from_arguments(description: str | None, default: int = 5) -> int:
    """Reads `--rounds` from the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=default, help="rounds that count")
    return int(parser.parse_args().rounds)
