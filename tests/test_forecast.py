"""engine.forecast: which batches are guessed to come next."""

from __future__ import annotations

import random

import pytest

from multiseq.engine.forecast import Forecast


def guesses(forecast: Forecast, asked: list[int], most: int = 2) -> list[list[int]]:
    """What is guessed to come next in the same pass, after each batch asked for."""
    found = []
    for index in asked:
        forecast.see(index)
        found.append([batch for later, batch in forecast.next(most) if not later])
    return found


def hits(forecast: Forecast, asked: list[int]) -> int:
    """How many of these batches had been guessed just before they were asked for."""
    count = 0
    for index in asked:
        count += forecast.next(1)[0][1] == index
        forecast.see(index)
    return count


def shuffled(n: int, generator: random.Random) -> list[int]:
    order = list(range(n))
    generator.shuffle(order)
    return order


def test_batches_come_in_sequence() -> None:
    assert guesses(Forecast(4), [0, 1, 2, 3]) == [[1, 2], [2, 3], [3], []]


def test_a_jump_is_followed() -> None:
    assert guesses(Forecast(9), [0, 5, 6, 2]) == [[1, 2], [6, 7], [7, 8], [3, 4]]


def test_it_knows_when_it_was_right() -> None:
    forecast = Forecast(9)
    right = []
    for index in [0, 1, 5, 6, 6, 0]:
        forecast.see(index)
        right.append(forecast.in_step)
    assert right == [True, True, False, True, False, False]


@pytest.mark.parametrize("n", [2, 3, 10, 100])
def test_the_shuffle_of_keras_is_foretold(n: int) -> None:
    forecast = Forecast(n)
    random.seed(n)
    for _ in range(3):
        forecast.expect_shuffle()
        order = list(range(n))
        random.shuffle(order)
        found = guesses(forecast, order)
        assert found == [order[place + 1 : place + 3] for place in range(n)]


def test_foretelling_draws_nothing() -> None:
    random.seed(1)
    state = random.getstate()
    forecast = Forecast(10)
    forecast.expect_shuffle()
    guesses(forecast, [3, 4, 5])
    assert random.getstate() == state


def test_without_a_shuffle_batches_come_in_sequence_all_the_same() -> None:
    random.seed(1)  # Whose shuffle does not begin with 0.
    forecast = Forecast(10)
    forecast.expect_shuffle()
    assert guesses(forecast, [0, 1]) == [[1, 2], [2, 3]]


def test_a_shuffle_that_was_drawn_otherwise_is_followed_in_sequence() -> None:
    random.seed(1)
    forecast = Forecast(10)
    forecast.expect_shuffle()
    order = list(range(10))
    random.shuffle(order)
    wrong = (order[0] + 4) % 10
    assert guesses(forecast, [wrong]) == [list(range(10))[wrong + 1 : wrong + 3]]


def test_many_batches_are_not_shuffled_for_a_guess() -> None:
    forecast = Forecast((1 << 18) + 1)
    forecast.expect_shuffle()
    assert guesses(forecast, [0]) == [[1, 2]]


def test_the_next_pass_is_guessed_from_the_end_of_this_one() -> None:
    forecast = Forecast(3)
    forecast.see(0)
    forecast.see(1)
    assert forecast.next(5) == [(0, 2), (1, 0), (1, 1), (1, 2)]


def by_the_global_generator(turn: int) -> random.Random:
    return random.Random(random.random())  # As good as any; what counts is the global state.


@pytest.mark.parametrize("first", [0, 1, 2])
def test_the_shuffle_of_later_keras_is_foretold(first: int) -> None:
    forecast = Forecast(50)
    found = 0
    for turn in range(first, first + 10):
        forecast.expect_shuffle()
        found += hits(forecast, shuffled(50, random.Random(turn)))
    assert found >= 499  # All but the very first.


def test_one_pass_foretells_the_next_whatever_the_shuffle() -> None:
    random.seed(5)
    forecast = Forecast(50)
    found = 0
    for _ in range(10):
        forecast.expect_shuffle()
        found += hits(forecast, shuffled(50, random))  # type: ignore[arg-type]
    assert found >= 499


def test_a_generator_that_others_draw_from_costs_one_batch_a_pass() -> None:
    random.seed(5)
    forecast = Forecast(50)
    found = 0
    for _ in range(10):
        forecast.expect_shuffle()
        found += hits(forecast, shuffled(50, random))  # type: ignore[arg-type]
        random.random()
    assert 490 <= found < 499


def test_a_shuffle_that_happens_to_begin_as_in_sequence() -> None:
    seed = next(s for s in range(10_000) if shuffled(50, random.Random(s))[0] == 0)
    random.seed(seed)
    forecast = Forecast(50)
    forecast.expect_shuffle()
    assert hits(forecast, shuffled(50, random)) >= 48  # type: ignore[arg-type]


def test_a_pass_that_was_left_is_begun_anew() -> None:
    random.seed(1)
    forecast = Forecast(50)
    for _ in range(3):
        forecast.expect_shuffle()
        order = shuffled(50, random)  # type: ignore[arg-type]
        assert hits(forecast, order[:20]) >= 19
