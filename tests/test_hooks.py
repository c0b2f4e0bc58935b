"""Hooks that cannot be called are refused when the class is defined."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from multiseq import MultiInputSequence
from multiseq.errors import ArgumentError


def define(**hooks: Any) -> type:
    hooks.setdefault("load_sample", lambda self, index: np.float32(index))
    return type("Mine", (MultiInputSequence,), hooks)


def plain(*arguments: str) -> Callable[..., Any]:
    names = ", ".join(arguments)
    return eval(f"lambda {names}: None")  # type: ignore[no-any-return] # noqa: S307


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("load_sample", ["self"]),
        ("load_sample", ["index"]),
        ("load_sample", ["self", "index", "random"]),
        ("load_sample", ["self", "index", "rng", "more"]),
        ("augment", ["self", "sample", "rng", "keys"]),
        ("augment", ["self", "key", "rng"]),
        ("augment", ["self", "sample"]),
        ("augment", ["self", "x", "y", "rng"]),
        ("augment", ["self", "sample", "*", "rng"]),
        ("load_batch", ["self"]),
        ("collate", ["self", "a", "b"]),
        ("raw", ["self"]),
        ("target_rows", ["self"]),
        ("time_spans", ["self"]),
    ],
)
def test_what_cannot_be_called(name: str, arguments: list[str]) -> None:
    with pytest.raises(
        ArgumentError, match=rf"Mine: {name} cannot be called(?s:.*)expected: def {name}"
    ):
        define(**{name: plain(*arguments)})


@pytest.mark.parametrize(
    "function",
    [
        plain("self", "i"),
        plain("self", "index", "rest=3"),
        plain("*args"),
        plain("self", "*args", "**keywords"),
        staticmethod(plain("index")),
        functools.wraps(plain("self", "index"))(plain("*args")),
        functools.partialmethod(plain("self", "a", "index"), 3),
    ],
)
def test_what_can_be(function: Any) -> None:
    define(load_sample=function)


def test_what_does_not_return() -> None:
    def yields(self: Any, index: int) -> Any:
        yield index

    async def waits(self: Any, index: int) -> Any:
        return index

    with pytest.raises(ArgumentError, match=r"load_sample yields(?s:.*)return in place of yield"):
        define(load_sample=yields)
    with pytest.raises(ArgumentError, match=r"load_sample is a coroutine(?s:.*)def in place"):
        define(load_sample=waits)


def test_a_name_of_a_sequence_is_in_errors_and_reports(caplog: Any) -> None:
    def fails(self: Any, index: int) -> Any:
        if index == 7:
            raise OSError("gone")
        return np.float32(index)

    seq = define(load_sample=fails)(9, name="left")
    with pytest.raises(
        Exception, match=r"Mine 'left', key 7, position 7: load_sample raised OSError"
    ):
        seq[0]
    with pytest.raises(ArgumentError, match=r"^Mine 'left': "):
        seq.subset([])
    for _ in seq.replace(on_error="substitute", seed=0):
        pass
    assert "Mine 'left', epoch 0: others stood in for 1 samples: key 7" in caplog.text


def test_a_keyword_that_is_not_for_users() -> None:
    with pytest.raises(ArgumentError, match="no keyword share"):
        define()(4).replace(share=(0, 2))
