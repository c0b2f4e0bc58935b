"""The real `fit`, `evaluate` and `predict` on batches from a Ray cluster."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from clusters import in_plasma, on_cluster

ray = pytest.importorskip("ray", reason="needs Ray")

from backends import BACKEND, BATCH, Probe, flat, keras, shuffled  # noqa: E402
from troubled import Wide  # noqa: E402

pytestmark = pytest.mark.backend


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield
    ray.shutdown()


def test_several_epochs_have_the_order_of_serial() -> None:
    probe = Probe.for_form("dict")
    with shuffled(workers=2, cluster="ray") as seq:
        alone = seq.replace(workers=0, cluster=None)
        rows = probe.fit(seq, epochs=3, shuffle=False)
        assert rows == flat(alone, 0, 1, 2)
        assert probe.evaluate(seq) == probe.predict(seq) == flat(alone, 3)
        assert seq.stats().hit_rate > 0.5


def model_of_sums() -> Any:
    """Gives what the target of `Wide` is."""
    inputs = keras.Input((64, 64), name="x")
    outputs = keras.layers.GlobalAveragePooling1D()(inputs)
    model = keras.Model({"x": inputs}, keras.layers.Dense(1, use_bias=False)(outputs))
    model.layers[-1].set_weights([np.ones((64, 1), np.float32)])
    model.compile(loss="mae", optimizer=keras.optimizers.SGD(0.0))
    return model


def test_large_batches_reach_the_model() -> None:
    """Nobody warns that they are read-only: a warning would fail the test."""
    with on_cluster(Wide, 160, batch_size=BATCH) as seq:
        model = model_of_sums()
        assert model.fit(seq, epochs=2, verbose=0).history["loss"] == [0.0, 0.0]
        assert model.evaluate(seq, verbose=0) == 0.0
        sums = model.predict(seq, verbose=0)
    assert sums.ravel().tolist() == [64.0 * (index % 32) for index in range(160)]


@pytest.mark.skipif(BACKEND == "torch", reason="torch has no tensors that nobody writes to")
def test_tensors_are_views_of_rays_store() -> None:
    with on_cluster(Wide, 64, batch_size=BATCH) as seq:
        batch = seq[0]
        array = batch[0]["x"]
        assert in_plasma(array)
        if BACKEND == "jax":
            import jax

            taken = np.asarray(jax.device_put(array))
        else:
            import tensorflow as tf

            spec = tf.TensorSpec(array.shape, array.dtype)
            data = tf.data.Dataset.from_generator(lambda: [array], output_signature=spec)
            taken = np.asarray(memoryview(next(iter(data))))
        assert in_plasma(taken)


@pytest.mark.skipif(BACKEND != "torch", reason="of torch")
def test_what_torch_writes_to_is_its_own() -> None:
    from multiseq._keras import as_torch

    with on_cluster(Wide, 64, batch_size=BATCH) as seq, warnings.catch_warnings():
        warnings.simplefilter("error")
        batch = seq[0]
        before = batch[0]["x"].copy()
        tensor = as_torch(batch)[0]["x"]
        tensor.add_(1)
        assert np.array_equal(batch[0]["x"], before)
        assert np.array_equal(tensor.numpy(), before + 1)
