"""Iris, its species by name from end to end."""

from __future__ import annotations

import pytest
from backends import keras
from sklearn.datasets import load_iris

from multiseq import ArraySequence, Labels, Standardize


@pytest.mark.backend
@pytest.mark.parametrize("processes", [False, True])
def test_species_by_name_from_end_to_end(processes: bool) -> None:
    iris = load_iris(as_frame=True)
    species = iris.target.map(dict(enumerate(iris.target_names)))
    seq = ArraySequence(
        iris.data,
        species,
        transforms={"inputs": Standardize(), "targets": Labels()},
        batch_size=16,
        shuffle=True,
        seed=0,
        workers=2 if processes else 0,
        use_multiprocessing=processes,
    )
    train, test = seq.split(0.8, 0.2, stratify=species)
    train.adapt(progress=False)
    assert train.classes == ("setosa", "versicolor", "virginica")
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(len(train.classes), "softmax")(inputs)
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy")
    with train, test:
        model.fit(train, epochs=5, verbose=0)
        frame = test.predictions(model, targets=True, verbose=0)
    assert frame["target"].tolist() == species[test.keys].tolist()
    assert (frame["label"] == frame["target"]).mean() > 0.7
