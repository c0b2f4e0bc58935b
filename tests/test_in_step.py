"""Several processes, or several devices, that train together on real backends."""

from __future__ import annotations

import json

import pytest
from backends import BACKEND, batches_of, keras, shuffled
from ranks import free_ports, together

pytestmark = pytest.mark.backend

N, BATCH = 11, 4  # Three batches, the last of three samples: one of two shards lacks a row.

on_jax = pytest.mark.skipif(
    BACKEND != "jax" or not hasattr(keras.distribution.DataParallel, "num_processes"),
    reason="a test of JAX, and of a Keras that takes sequences in several processes",
)

JAX = """
    import jax
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"127.0.0.1:{PORTS[0]}", num_processes=COUNT, process_id=RANK)
    import keras, multiseq
    from backends import Probe, shuffled
    assert multiseq.current_shard() == (RANK, COUNT)
    keras.utils.set_random_seed(0)
    distribution = keras.distribution.DataParallel(auto_shard_dataset=False)
    keras.distribution.set_distribution(distribution)
    assert multiseq.current_shard() == (RANK, COUNT)
"""


def dealt(epoch: int) -> list[list[int]]:
    """The rows of each step of an epoch, those of the first of two processes first."""
    batches = batches_of(shuffled(N, batch_size=BATCH), epoch)
    batches[-1].append(batches[0][0])
    return [batch[0::2] + batch[1::2] for batch in batches]


@on_jax
def test_two_processes_of_jax_train_in_step() -> None:
    body = """
        probe = Probe.for_form("dict")
        seq = shuffled(11, batch_size=4).shard(*multiseq.current_shard())
        fitted = probe.fit(seq, epochs=2, shuffle=False)
        whole = shuffled(11, batch_size=4, shuffle=False)
        evaluated = sorted(probe.evaluate(whole))
        import random
        random.seed(RANK)  # Keras shuffles batches by it, in each process otherwise.
        tell([fitted, evaluated, probe.fit(seq, epochs=2)])
    """
    first, second = (
        [code for epoch in epochs for batch in dealt(epoch) for code in batch]
        for epochs in ((0, 1), (2, 3))
    )
    evaluated = sorted(2 * list(range(N)))  # By each process, whole.
    assert together(JAX, body) == [[first, evaluated, second]] * 2


@on_jax
def test_sharding_twice_is_refused_and_the_fix_works() -> None:
    body = """
        import logging, re
        from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter
        probe, whole = Probe.for_form("dict"), shuffled(12, batch_size=4)
        seq, said = whole.shard(RANK, COUNT), []
        logging.getLogger("multiseq").addFilter(lambda each: said.append(each.getMessage()))
        for each in (whole, seq):
            for read in (probe.fit, lambda seq: next(PyDatasetAdapter(seq).get_jax_iterator())):
                distribution.auto_shard_dataset = True
                try:
                    read(each)  # The version may refuse it by itself.
                except ValueError as error:
                    said.append(f"{type(error).__name__}: {error}")
            exec(re.search("set (.*False)", str(said[-1]))[1])  # As the error says.
        rows = probe.fit(eval(re.search("give fit (.*)", said[1])[1], globals() | {"seq": whole}))
        probe.fit(seq), probe.evaluate(whole)
        before = len(said)
        probe.fit(whole), probe.fit(whole)
        tell([said[:before], said[before:], sorted(rows)])
    """
    for rank, (refused, doubts, rows) in enumerate(together(JAX, body)):
        assert all("auto_shard_dataset" in each for each in refused), refused
        assert [each.split(":")[0] for each in refused[1::2]] == ["ArgumentError"] * 2
        assert "got: a whole sequence, and auto_shard_dataset=True among 2 shares" in refused[1]
        assert f"got: shard({rank}, 2), and" in refused[3]
        assert len(refused) == 4
        (doubt,) = doubts
        assert f"give share {rank} of 2 of every batch" in doubt
        assert rows == list(range(12))


@pytest.mark.skipif(BACKEND != "torch", reason="a test of torch")
def test_two_processes_of_torch_train_in_step() -> None:
    """The weights are those of one process that is given the same batches."""
    body = """
        import torch, torch.distributed as dist, keras, multiseq, numpy as np
        from backends import shuffled
        assert multiseq.current_shard() == (RANK, COUNT)  # The launcher says so.
        dist.init_process_group("gloo", f"tcp://127.0.0.1:{PORTS[0]}", rank=RANK, world_size=COUNT)
        assert multiseq.current_shard() == (RANK, COUNT)

        def train(model, batches):
            optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
            for inputs, targets in batches:
                optimizer.zero_grad()
                errors = model(torch.tensor(inputs["a"]))[:, 0] - torch.tensor(targets)
                (errors**2).mean().backward()
                optimizer.step()

        def new():
            keras.utils.set_random_seed(0)
            return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])

        whole = shuffled(11, batch_size=4)
        seq, seen, steps = whole.shard(*multiseq.current_shard()), [], []
        model = new()
        parallel = torch.nn.parallel.DistributedDataParallel(model)
        for epoch in range(2):
            seq.set_epoch(epoch)
            train(parallel, seq)
            for index in range(len(seq)):
                shares = [None] * COUNT
                dist.all_gather_object(shares, seq[index])
                seen.append([int(code) for _, targets in shares for code in targets])
                steps.append(tuple(
                    {"a": np.concatenate([share[0]["a"] for share in shares])} if part == 0
                    else np.concatenate([share[1] for share in shares]) for part in range(2)
                ))
        alone = new()
        train(alone, steps)
        same = [bool(np.allclose(a, b)) for a, b in zip(model.get_weights(), alone.get_weights())]
        tell([seen, same])
        dist.destroy_process_group()
    """
    seen = [batch for epoch in (0, 1) for batch in dealt(epoch)]
    assert together(body, RANK=["0", "1"], WORLD_SIZE="2") == [[seen, [True, True]]] * 2


@pytest.mark.skipif(BACKEND not in ("tensorflow", "tf_keras"), reason="a test of TensorFlow")
def test_the_replicas_of_one_process_are_given_each_batch_whole() -> None:
    """`MirroredStrategy` on two logical CPUs, which each have half of a batch."""
    body = """
        import threading
        import tensorflow as tf
        cpu = tf.config.list_physical_devices("CPU")[0]
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, two)
        from backends import Codes, keras, shuffled
        seen, lock = [], threading.Lock()

        def note(codes):
            with lock:
                seen.append([int(code) for code in codes])
            return codes

        def loss(y_true, y_pred):
            noted = tf.numpy_function(note, [tf.reshape(y_true, (-1,))], tf.float32)
            return tf.abs(y_pred[:, 0] - y_pred[:, 1]) + 0 * tf.ensure_shape(noted, (None,))

        with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
            a, b = keras.Input((3,), name="a"), keras.Input((2, 2), name="b", dtype="int32")
            model = keras.Model({"a": a, "b": b}, Codes()([a, b]))
            model.compile("sgd", loss, jit_compile=False)
        seq = shuffled(11, batch_size=4)
        history = model.fit(seq, epochs=2, shuffle=False, verbose=0).history
        tell([seen, history["loss"]])
    """
    ((seen, losses),) = together(body, count=1)
    halves = [
        half
        for epoch in (0, 1)
        for batch in batches_of(shuffled(N, batch_size=BATCH), epoch)
        for half in (batch[:2], batch[2:])
    ]
    steps = [sorted(seen[start : start + 2]) for start in range(0, len(seen), 2)]
    assert steps == [sorted(halves[start : start + 2]) for start in range(0, len(halves), 2)]
    assert losses == [0.0, 0.0]


@pytest.mark.skipif(BACKEND not in ("tensorflow", "tf_keras"), reason="a test of TensorFlow")
def test_a_shard_is_refused_where_tensorflow_shards_by_itself() -> None:
    """tf_keras would train on half of the samples; the fix gives each worker its rows."""
    body = """
        import tensorflow as tf, multiseq
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
        from backends import LEGACY, keras, shuffled
        seen = []

        def loss(y_true, y_pred):
            note = lambda codes: seen.append([int(code) for code in codes]) or codes
            noted = tf.numpy_function(note, [tf.reshape(y_true, (-1,))], tf.float32)
            return tf.square(y_pred[:, 0]) + 0 * tf.ensure_shape(noted, (None,))

        with strategy.scope():
            a, b = keras.Input((3,), name="a"), keras.Input((2, 2), name="b", dtype="int32")
            model = keras.Model({"a": a, "b": b}, keras.layers.Dense(1)(a))
            model.compile("sgd", loss, jit_compile=False)
        whole = shuffled(11, batch_size=4)
        try:
            model.fit(whole.shard(*multiseq.current_shard()), verbose=0)
        except multiseq.errors.ArgumentError as error:
            said = str(error)
        if LEGACY:  # Keras 3 cannot train with this strategy.
            model.fit(whole, verbose=0, shuffle=False)
        tell([said, seen])
    """
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    configs = [
        json.dumps({"cluster": cluster, "task": {"type": "worker", "index": rank}})
        for rank in range(2)
    ]
    found = together(body, TF_CONFIG=configs)
    for rank, (said, _) in enumerate(found):
        assert f"got: shard({rank}, 2), and a MultiWorkerMirroredStrategy of 2 workers" in said
        assert "fix: leave the sequence whole" in said
    if BACKEND == "tf_keras":
        batches = batches_of(shuffled(N, batch_size=BATCH), 0)
        assert found[0][1] == [batch[:2] for batch in batches]
        assert found[1][1] == [batch[2:] for batch in batches]
