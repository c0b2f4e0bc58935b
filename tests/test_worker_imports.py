"""What workers import: no Keras, where the user's module has it at its top and loads without.

Most programs here find a small package of that name, which notes in which processes it is.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from crews import in_processes, memory, output_of, pids, start_script

LARGEST = 80 << 10  # Kilobytes of a worker.

KERAS = """
    import os
    from pathlib import Path
    with open(Path(__file__).with_name("processes"), "a") as file:
        print(os.getpid(), file=file)

    __version__ = "3.15.0"
    sizes = 2, 3

    class backend:
        floatx = staticmethod(lambda: "float32")

    class Model:
        pass

    class Gone(Exception):
        pass

    def on():
        return True

    def function(f):
        return f

    def double(x):
        return 2 * x
"""
MODULE = """
    import os
    import numpy as np
    from multiseq.sequence import MultiInputSequence

    class Mine(MultiInputSequence):
        def __init__(self, n, **keywords):
            super().__init__(n, **keywords)
            self.held = globals().get("held")

        def load_sample(self, index):
            return np.float64(value(self, index))
"""
MAIN = """
    import logging
    logging.getLogger("multiseq").disabled = True

    def served(**keywords):
        with Mine(24, batch_size=4, seed=3, on_error={on_error!r}, **keywords) as seq:
            return np.concatenate([batch[0] for batch in seq]).tolist()

    print(served() == served(workers=2, use_multiprocessing=True))
"""


def imports(folder: Path, code: str, on_error: str = "raise", in_main: bool = False) -> bool:
    """Has a user's code load in two workers; returns whether these import Keras.

    Args:
        folder: For the modules.
        code: Of a module that defines `value(seq, index)`.
        on_error: Of the sequence.
        in_main: Whether the code is in the program itself.
    """
    (folder / "keras").mkdir()
    (folder / "keras" / "__init__.py").write_text(dedent(KERAS))
    module, main = dedent(code) + dedent(MODULE), dedent(MAIN.format(on_error=on_error))
    (folder / "mine.py").write_text(module)
    module = module if in_main else "import numpy as np\nfrom mine import Mine\n"
    found = output_of(start_script(f"import sys\nsys.path[:0] = [{str(folder)!r}]\n{module}{main}"))
    assert found == "True\n"
    return len((folder / "keras" / "processes").read_text().split()) > 1


TOP = """
    import keras
    from keras import Gone, Model, double

    class Net(Model):
        def call(self, x):
            return double(x)

    net = Net()

    @keras.function
    def doubled(x):
        return double(x)
"""


@pytest.mark.parametrize("in_main", [False, True])
def test_a_module_that_does_not_load_with_keras(tmp_path: Path, in_main: bool) -> None:
    code = dedent(TOP) + "def value(seq, index): return 2 * index\n"
    assert not imports(tmp_path, code, in_main=in_main)


@pytest.mark.parametrize(
    "value",
    [
        "double(index)",
        "keras.double(index)",
        "doubled(index)",
        "net.call(index)",
        "Net().call(index)",
        "index * isinstance(index, Model)",
        "index if keras.on() else 0",
        "np.add(index, keras.sizes)[0]",
    ],
)
def test_loading_that_does(tmp_path: Path, value: str) -> None:
    assert imports(tmp_path, dedent(TOP) + f"def value(seq, index): return {value}\n")


@pytest.mark.parametrize(
    "top",
    [
        "factor = 2 if keras.on() else 1",
        "factor, _ = keras.sizes",
        "factor = int(double(1))",
        "from keras import *\nfactor = sizes[0]",
        "factor = 2 if isinstance(net, Model) else 1",
    ],
)
def test_a_module_that_learns_from_keras_at_its_top(tmp_path: Path, top: str) -> None:
    code = dedent(TOP) + f"{top}\ndef value(seq, index): return factor * index\n"
    assert imports(tmp_path, code)


def test_a_function_that_imports_keras_gets_it(tmp_path: Path) -> None:
    code = dedent(TOP) + "def value(seq, index): from keras import double as d; return d(index)\n"
    assert imports(tmp_path, code)


FAILING = """
def value(seq, index):
    try:
        if index == 13:
            raise {error}
    except Gone:
        return -1
    return index
"""


@pytest.mark.parametrize("error", ["Gone", "OSError"])
def test_errors_meet_the_classes_of_keras(tmp_path: Path, error: str) -> None:
    code = dedent(TOP) + FAILING.format(error=error)
    assert imports(tmp_path, code, on_error="substitute")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_that_a_worker_forks(tmp_path: Path) -> None:
    forking = """
def value(seq, index):
    reading, writing = os.pipe()
    if not (child := os.fork()):
        os.write(writing, bytes([double(index)]))
        os._exit(0)
    found = os.read(reading, 1)
    os.waitpid(child, 0)
    return found[0]
"""
    assert imports(tmp_path, dedent(TOP) + forking)


def test_a_sequence_that_holds_something_of_keras(tmp_path: Path) -> None:
    code = dedent(TOP) + "held = Net()\ndef value(seq, index): return seq.held.call(index)\n"
    assert imports(tmp_path, code)


REAL = """
    import json, os, sys
    import keras
    import numpy as np
    import tensorflow as tf
    from keras import layers, ops
    from multiseq import MultiInputSequence
    from tensorflow import keras as tfk
    from tensorflow.keras.layers import Dense

    keras.utils.set_random_seed(3)
    tf.get_logger().setLevel("ERROR")
    BACKEND, FLOATX = keras.backend.backend(), keras.config.floatx()
    if BACKEND == "unheard of":
        raise ImportError("no such backend")

    @keras.saving.register_keras_serializable(package="mine")
    class Block(layers.Layer):
        def __init__(self, units=4, **keywords):
            super().__init__(**keywords)
            self.dense = Dense(units, activation="relu")

        def call(self, x):
            return ops.relu(self.dense(x)) + 1

    class Stop(tfk.callbacks.Callback):
        pass

    def build():
        x = keras.Input((3,), name="x")
        model = keras.Model(x, layers.Dense(1)(Block()(x) / 2.0))
        model.compile("adam", keras.losses.Huber())
        return model

    model = build()

    @tf.function
    def doubled(x):
        return 2 * x

    class Idle(MultiInputSequence):
        def load_sample(self, index):
            found = [name in sys.modules for name in ("keras", "tensorflow")]
            return np.array(json.dumps([*found, BACKEND, FLOATX]))

    class Loading(MultiInputSequence):
        def load_sample(self, index):
            one_hot = keras.utils.to_categorical(index % 3, 3)
            return {"x": one_hot + 1, "y": doubled(tf.constant(index)).numpy()}
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of a user's, with models in it."""
    (tmp_path / "users_models.py").write_text(dedent(REAL))
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("users_models")
    del sys.modules["users_models"]


@pytest.mark.backend
def test_models_beside_a_sequence_cost_its_workers_nothing(module: Any) -> None:
    with in_processes(module.Idle) as seq:
        expected = [False, False, module.BACKEND, module.FLOATX]
        assert [json.loads(text) for batch in seq for text in batch[0]] == [expected] * 50
        assert max(memory(pid)["resident"] for pid in pids(seq)) < LARGEST


@pytest.mark.backend
def test_loading_with_keras_itself(module: Any) -> None:
    alone = [batch[0] for batch in module.Loading(50, batch_size=8)]
    with in_processes(module.Loading) as seq:
        found = [batch[0] for batch in seq]
    for one, other in zip(alone, found, strict=True):
        for name in ("x", "y"):
            assert np.array_equal(one[name], other[name])
