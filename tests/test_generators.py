"""Ten generators by hand, each of which shows its bugs, and by multiseq, which shows none."""

from __future__ import annotations

import inspect
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends import BACKEND, keras
from generators import (
    brain_age,
    cards,
    eeg,
    nutrition,
    photo_pairs,
    poses,
    recommender,
    sleep,
    speech,
    telescopes,
)
from generators.measures import (
    after_an_epoch,
    code_lines,
    epoch,
    forked,
    levels,
    made,
    needed,
    several,
)
from sounds import code_of

from multiseq.testing import check_sequence

CASES: list[Any] = [
    brain_age, nutrition, speech, recommender, cards, telescopes, eeg, sleep, photo_pairs, poses
]  # fmt: skip


def test_lines_of_code_are_counted() -> None:
    source = '"""Text."""\n\n# Comment.\ndef f(\n    a,\n):\n    """More."""\n    return """\n"""\n'
    assert code_lines(source) == 5


def short(case: Any) -> str:
    return str(case.__name__).rpartition(".")[2]


@pytest.mark.parametrize("case", CASES, ids=short)
def test_the_rewrite_is_shorter(case: Any) -> None:
    assert needed(case.BY_MULTISEQ) < needed(case.BY_HAND)


@pytest.mark.parametrize("case", [nutrition, photo_pairs, brain_age], ids=short)
def test_the_notebook_shows_this_code(case: Any) -> None:
    path = Path(__file__).resolve().parents[1] / "notebooks" / "05_ten_generators.ipynb"
    cells = ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]
    for each in (*case.BY_HAND, *case.BY_MULTISEQ):
        assert any(inspect.getsource(each).rstrip() in cell for cell in cells)


def outline(batch: Any) -> Any:
    """Names and shapes."""
    if isinstance(batch, dict):
        return {name: outline(value) for name, value in batch.items()}
    if isinstance(batch, list | tuple):
        parts = [outline(value) for value in batch]
        return parts[0] if len(parts) == 1 else parts
    return batch.shape


missing_files = pytest.mark.filterwarnings("ignore:Found 1 invalid image filename:UserWarning")


@missing_files
@pytest.mark.parametrize("case", CASES, ids=short)
def test_both_feed_the_same_inputs(case: Any, tmp_path: Path) -> None:
    for by_hand, by_multiseq in zip(*map(several, made(case, tmp_path)), strict=True):
        theirs = next(iter(by_hand)) if case is photo_pairs else by_hand[0]
        assert outline(theirs) == outline(by_multiseq[0][: len(theirs)])


@missing_files
@pytest.mark.parametrize("case", CASES, ids=short)
def test_the_rewrite_keeps_the_contract(case: Any, tmp_path: Path) -> None:
    for seq in several(made(case, tmp_path)[1]):
        # A check of what is served in the place of broken files would load those, and fail.
        broken = getattr(case, "BROKEN", [])
        check_sequence(seq.subset(~seq.keys.isin(broken)))


def test_brain_age_by_hand_drops_the_tail(tmp_path: Path) -> None:
    by_hand, by_multiseq = made(brain_age, tmp_path)
    assert ages(by_hand) == brain_age.N - brain_age.N % brain_age.BATCH < brain_age.N
    assert ages(by_multiseq) == brain_age.N


def ages(seq: Any) -> int:
    """How many ages an epoch holds."""
    return len({float(age) for batch in epoch(seq) for age in np.ravel(batch[1])})


def test_brain_age_by_hand_is_in_lists(tmp_path: Path) -> None:
    """Keras on TensorFlow refuses them; JAX and torch don't."""
    by_hand, by_multiseq = made(brain_age, tmp_path)
    assert [type(part) for part in by_hand[0]] == [list, list]
    inputs, age = by_multiseq[0]
    assert isinstance(inputs, tuple)
    assert isinstance(age, np.ndarray)
    if BACKEND == "tensorflow":
        volume = keras.Input((*[brain_age.SIDE] * 3, 1))
        scanner, sex = keras.Input((1,)), keras.Input((1,))
        merged = keras.layers.concatenate([keras.layers.Flatten()(volume), scanner, sex])
        model = keras.Model([volume, scanner, sex], keras.layers.Dense(1)(merged))
        model.compile("sgd", "mse")
        with pytest.raises(TypeError, match="output_signature"):
            model.fit(by_hand, verbose=0)
        model.fit(by_multiseq, verbose=0)


def test_brain_age_by_hand_shifts_alike_in_forked_workers(tmp_path: Path) -> None:
    by_hand, by_multiseq = made(brain_age, tmp_path)
    assert (forked(by_hand, 0, shifts) == forked(by_hand, 1, shifts)).all()
    assert (forked(by_multiseq, 0, shifts) != forked(by_multiseq, 1, shifts)).any()


def shifts(batch: Any) -> Any:
    """Where the bright voxel of each volume is."""
    volumes = np.asarray(batch[0][0])[..., 0]
    return np.array([np.unravel_index(volume.argmax(), volume.shape) for volume in volumes])


def test_nutrition_by_hand_scales_the_test_set_by_itself(tmp_path: Path) -> None:
    (train, test), (our_train, our_test) = made(nutrition, tmp_path)
    assert abs(scale(train) - scale(test)) > 1e-3
    assert scale(our_train) == pytest.approx(scale(our_test), abs=1e-5)


def patients(seq: Any) -> tuple[Any, Any, Any]:
    """The level of each photo in an epoch, the scaled height, and the label."""
    batches = epoch(seq)
    photos = np.concatenate([levels(inputs["image"]) for inputs, _ in batches])
    heights = np.concatenate([inputs["tabular"][:, 0] for inputs, _ in batches])
    return photos, heights, np.concatenate([labels for _, labels in batches])


def scale(seq: Any) -> float:
    """By how much a height of 1 cm more differs, once it is scaled."""
    photos, heights, _ = patients(seq)
    return float(np.polyfit(photos[photos > 0], heights[photos > 0], 1)[0])


def test_nutrition_by_hand_makes_a_broken_photo_a_healthy_patient(tmp_path: Path) -> None:
    """All labels are 1."""
    by_hand, by_multiseq = made(nutrition, tmp_path)
    photos, labels = served(by_hand)
    assert (photos == 0).sum() == 1
    assert labels[photos == 0] == 0
    photos, labels = served(by_multiseq)
    assert (photos == 0).sum() == 0
    assert (labels == 1).all()


def served(parts: Any) -> tuple[Any, Any]:
    """Photos and labels of train and test."""
    found = [patients(part) for part in parts]
    return np.concatenate([each[0] for each in found]), np.concatenate([each[2] for each in found])


def test_speech_by_hand_pairs_sounds_with_the_texts_of_others(tmp_path: Path) -> None:
    by_hand, by_multiseq = made(speech, tmp_path)
    assert len(sounds_and_texts(by_hand)) == 24
    assert any(sound != text for sound, text in sounds_and_texts(by_hand))
    assert len(sounds_and_texts(by_multiseq)) == speech.N - 1
    assert all(sound == text for sound, text in sounds_and_texts(by_multiseq))


def sounds_and_texts(seq: Any) -> list[tuple[int, int]]:
    """What the tone and what the first letter says of each sample."""
    return [
        (code_of(sound), int(text[1]) - 3)
        for inputs, _ in epoch(seq)
        for sound, text in zip(inputs["audio"], inputs["tokens"], strict=True)
    ]


def test_speech_by_hand_has_one_order(tmp_path: Path) -> None:
    by_hand, by_multiseq = made(speech, tmp_path)
    assert sounds_and_texts(by_hand) == sounds_and_texts(after_an_epoch(by_hand))
    assert sounds_and_texts(by_multiseq) != sounds_and_texts(after_an_epoch(by_multiseq))


def test_recommender_by_hand_mixes_up_once_one_half_was_used_alone(tmp_path: Path) -> None:
    (graph, hybrid), (our_graph, our_hybrid) = made(recommender, tmp_path)
    assert strangers(hybrid) == strangers(our_hybrid) == 0
    for half in (graph, our_graph):
        epoch(half)
        half.on_epoch_end()
    for whole in (hybrid, our_hybrid):
        whole.on_epoch_end()
    assert strangers(hybrid) > 0
    assert strangers(our_hybrid) == 0


def strangers(seq: Any) -> int:
    """Rows in which graph and text are of different users or items."""
    return sum(
        int((inputs[f"graph_{who}"][:, 0] != inputs[f"bert_{who}"][:, 0]).sum())
        for inputs, _ in epoch(seq)
        for who in ("user", "item")
    )


def test_cards_by_hand_depend_on_the_order_of_questions(tmp_path: Path) -> None:
    """Each deck has its turn three times, in any order of batches; Keras' is random."""
    by_hand, by_multiseq = made(cards, tmp_path)
    turns = cards.PICKS // cards.DECKS
    assert set(times_served(by_hand).values()) != {turns}
    assert set(times_served(by_multiseq).values()) == {turns}


def times_served(seq: Any) -> Counter[int]:
    """How often each deck comes, where the last batch is asked for first."""
    backwards = [seq[index] for index in reversed(range(len(seq)))]
    return Counter(int(deck[0]) for inputs, _ in backwards for deck in inputs["deck"])


def test_cards_by_hand_change_when_asked_for_again(tmp_path: Path) -> None:
    by_hand, by_multiseq = made(cards, tmp_path)
    again = cards.DECKS // cards.BATCH  # Where the decks begin anew.
    assert (decks(by_hand, again) != decks(by_hand, again)).any()
    assert (decks(by_multiseq, again) == decks(by_multiseq, again)).all()


def decks(seq: Any, index: int) -> Any:
    return seq[index][0]["deck"]
