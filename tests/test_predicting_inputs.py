"""What predicts needs no targets: labels that training did not have are no trouble."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import frozen_epoch

from multiseq import (
    ArraySequence,
    Labels,
    MultiInputSequence,
    TableSequence,
    concat,
    join,
    mix,
)
from multiseq.errors import ArgumentError, SampleError

N = 12
KEYS = pd.Index([f"k{row}" for row in range(N)])
SEEN = pd.DataFrame({"x": np.arange(N) * 1.0, "y": ["a", "b"] * 6}, KEYS)
NEW = SEEN.assign(y="never seen")


class Own(MultiInputSequence):
    def __init__(self, frame: pd.DataFrame, **keywords: Any) -> None:
        self.frame = frame
        super().__init__(frame.index, batch_size=5, **keywords)

    def load_sample(self, index: int) -> Any:
        return {"own": np.float32(index)}, self.frame["y"].iloc[index]


class Says:
    """A model that predicts the second class."""

    def predict(self, view: Any, **keywords: Any) -> Any:
        assert all(len(batch) == 1 for batch in view)
        return np.tile([0.2, 0.8], (view.num_samples, 1))


def table(frame: pd.DataFrame, labels: Any, **keywords: Any) -> Any:
    steps = {"x": None, "targets": labels}
    return TableSequence(frame, "y", numeric={"x": ["x"]}, transforms=steps, **keywords)


def own(frame: pd.DataFrame, labels: Any) -> Any:
    return Own(frame, transforms={"targets": labels})


def beside() -> Any:
    return ArraySequence({"more": np.arange(N)}, keys=KEYS)


def left(frame: pd.DataFrame, labels: Any) -> Any:
    few = TableSequence(frame[:4], numeric={"m": ["x"]}, transforms={"m": None})
    return join(table(frame, labels), few, how="left", mask=True)


def several(frame: pd.DataFrame, labels: Any) -> Any:
    return mix([table(frame, labels), table(frame.add_prefix("p", 0), labels)], weights=[1, 1])


MAKE: dict[str, Callable[[pd.DataFrame, Any], Any]] = {
    "table": table,
    "own": own,
    "part": lambda frame, labels: join(table(frame, labels), beside()),
    "own part": lambda frame, labels: join(own(frame, labels), beside()),
    "part of a part": lambda frame, labels: join(beside(), join(own(frame, labels))),
    "targets": lambda frame, labels: join(
        beside(), targets=frame["y"], transforms={"targets": labels}, class_weight="balanced"
    ),
    "weighted": lambda frame, labels: join(table(frame, labels), class_weight={"a": 2.0, "b": 1.0}),
    "left": left,
    "concat": lambda frame, labels: concat(table(frame, labels), table(frame, labels), keys=[1, 2]),
    "mix": several,
}


@pytest.mark.parametrize("kind", MAKE)
def test_inputs_are_those_of_seen_labels_and_targets_are_not_made(kind: str) -> None:
    asked: list[Any] = []

    def noted(label: Any) -> Any:
        asked.append(label)
        return label

    seen, new = (MAKE[kind](frame, (noted, Labels(["a", "b"]))) for frame in (SEEN, NEW))
    expected = seen.replace(class_weight=None).for_prediction()
    asked.clear()
    view = new.replace(class_weight=None).for_prediction()
    assert frozen_epoch(view) == frozen_epoch(expected)
    with view.replace(workers=2) as loaded:
        assert frozen_epoch(loaded) == frozen_epoch(expected)
    assert asked == []


@pytest.mark.parametrize("kind", ["table", "targets", "concat", "mix", "part", "weighted", "left"])
def test_predictions_ask_for_targets_only_where_they_are_wanted(kind: str) -> None:
    seen, new = (MAKE[kind](frame, Labels(["a", "b"])) for frame in (SEEN, NEW))
    wanted = seen.predictions(Says(), targets=True)
    assert wanted["target"].tolist() == SEEN["y"].tolist() * (len(wanted) // N)
    found = new.predictions(Says())
    pd.testing.assert_frame_equal(found, wanted.drop(columns="target"))
    with pytest.raises(SampleError, match="'never seen' is none of the classes"):
        new.predictions(Says(), targets=True)


@pytest.mark.parametrize("kind", MAKE)
def test_a_sequence_to_predict_from_knows_its_targets_all_the_same(kind: str) -> None:
    seq = MAKE[kind](SEEN, Labels(["a", "b"]))
    expected = seq.predictions(Says(), targets=True)
    view = seq.for_prediction()
    pd.testing.assert_frame_equal(view.predictions(Says(), targets=True), expected)
    chosen = view.subset(positions=[3, 1])
    pd.testing.assert_frame_equal(chosen.predictions(Says(), targets=True), expected.iloc[[3, 1]])
    assert all(len(batch) == 1 for batch in view)


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(
        ArgumentError, match=r"(?s)TableSequence: predictions are made by a model.*None"
    ):
        table(SEEN, Labels()).predictions(None)
