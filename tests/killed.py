"""A training run that is killed and started again, as a script: see `test_resume.py`.

Each run is a process of its own, forked before anything was computed, so that Keras is imported
once. Prints what came of the run that was left alone, and of the one that was killed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import warnings
from typing import Any

import numpy as np

from multiseq import ArraySequence

LEGACY = os.environ.get("TF_USE_LEGACY_KERAS") == "1"
if LEGACY:
    import tf_keras as keras
else:
    import keras

WORKERS: list[dict[str, Any]] = [
    {"workers": 0},
    {"workers": 2},
    {"workers": 2, "use_multiprocessing": True},
]


class Die(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the process with a step, or never."""

    left = 0  # Of the class: what is of a callback itself is brought back, too.

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        Die.left -= 1
        if not Die.left:
            os.kill(os.getpid(), signal.SIGKILL)


class Rewarm(keras.callbacks.Callback):  # type: ignore[misc]
    """Changes the learning rate when an epoch begins: twice would show."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        rate = self.model.optimizer.learning_rate
        rate.assign(rate * 0.95)


def noisy(sample: Any, rng: np.random.Generator) -> Any:
    inputs, targets = sample
    return {**inputs, "x": inputs["x"] + 0.1 * rng.normal(size=6).astype(np.float32)}, targets


def data(workers: dict[str, Any]) -> Any:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(103, 6)).astype(np.float32)
    seq = ArraySequence(
        {"x": x, "z": x[:, :2]},
        {"out": x[:, :1] * 2 + x[:, 1:2]},
        batch_size=8,
        shuffle=True,
        seed=3,
        augment=noisy,
        **workers,
    )
    return seq.split(0.8, 0.2)


def model(executions: int) -> Any:
    x, z = keras.Input((6,), name="x"), keras.Input((2,), name="z")
    h = keras.layers.Concatenate()([keras.layers.Dense(8, activation="relu")(x), z])
    if not LEGACY:  # Whose random numbers are in no variable.
        h = keras.layers.Dropout(0.3)(h)
    made = keras.Model({"x": x, "z": z}, {"out": keras.layers.Dense(1, name="out")(h)})
    made.compile(
        keras.optimizers.Adam(0.02),
        {"out": "mse"},
        metrics={"out": ["mae"]},
        steps_per_execution=executions,
    )
    return made


def fit(folder: str, die_at: int, workers: dict[str, Any], options: dict[str, Any]) -> None:
    """Trains, and writes weights and History to the folder."""
    warnings.simplefilter("ignore" if options else "error", UserWarning)
    Die.left = die_at
    saved = os.path.exists(f"{folder}/run")
    keras.utils.set_random_seed(die_at if saved else 7)  # What it draws anew is brought back.
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    train, val = data(workers)
    with train, val:
        made = model(options.get("executions", 1))
        callbacks = [
            Die(),
            keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True),
            Rewarm(),
            train.resume(f"{folder}/run", every=3),
            keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=0.5),
        ]
        keywords = {"steps_per_epoch": options["steps"]} if "steps" in options else {}
        history = made.fit(
            train, validation_data=val, epochs=7, verbose=0, callbacks=callbacks, **keywords
        )
    result = {
        "weights": [weight.tobytes().hex() for weight in made.get_weights()],
        "history": {k: [float(v).hex() for v in each] for k, each in history.history.items()},
        "optimizer": [_sum(variable).hex() for variable in made.optimizer.variables],
        "epochs": history.epoch,
    }
    with open(f"{folder}/result.json", "w") as file:
        json.dump(result, file)


def _sum(variable: Any) -> float:
    return float(np.sum(variable.numpy() if LEGACY else keras.ops.convert_to_numpy(variable)))


def in_a_process(*arguments: Any) -> int:
    """Returns how it ended."""
    child = os.fork()
    if not child:
        try:
            fit(*arguments)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(folder: str, kills: int, seed: int, options: dict[str, Any]) -> None:
    os.makedirs(f"{folder}/alone")
    os.makedirs(f"{folder}/killed")
    assert in_a_process(f"{folder}/alone", 0, WORKERS[0], options) == 0
    chance, ends = random.Random(seed), []
    for turn in range(kills):
        how = WORKERS[turn % len(WORKERS)]
        ends.append(
            in_a_process(f"{folder}/killed", chance.randint(2, 4 if options else 12), how, options)
        )
    ends.append(in_a_process(f"{folder}/killed", 0, WORKERS[kills % 3], options))
    ends.append(in_a_process(f"{folder}/killed", 0, WORKERS[0], options))  # Nothing is left.
    sys.stdout.write(json.dumps(ends))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4]))
