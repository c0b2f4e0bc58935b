"""Stand-ins for packages: what a module may do with them, and what is for the real ones."""

from __future__ import annotations

import contextlib
import importlib
import pickle
import sys
import types
from collections.abc import Iterator
from textwrap import dedent
from typing import Any, NoReturn

import numpy as np
import pytest

from multiseq.engine.processes import standins

FACTS = {"unreal.__version__": "3.15.0", "unreal.backend.backend": "jax", "dreamt.__version__": ""}


class Replaced(BaseException):
    """The worker would be replaced."""


def replace() -> NoReturn:
    raise Replaced


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standins, "_state", standins._State())


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Gives stand-ins for packages that there are none of."""
    with standins.importing(FACTS, replace):
        yield


def imported(code: str) -> dict[str, Any]:
    """The names of a module that is imported with stand-ins."""
    names: dict[str, Any] = {"__name__": __name__}
    with importing():
        exec(dedent(code), names)  # noqa: S102
    return names


@pytest.mark.parametrize(
    "code",
    [
        "import unreal, dreamt.one.two as two",
        "from unreal import layers, Model; from unreal.layers import Dense; import unreal.layers",
        "import unreal; assert unreal.__version__ == '3.15.0'",
        "import unreal; assert unreal.backend.backend() == 'jax'; unreal.backend.clear_session()",
        "from unreal.backend import backend; assert backend() == 'jax'",
        "from unreal import backend as K; assert K.backend() == 'jax'; K.set_floatx('float16')",
        "import unreal; assert unreal.a is unreal.a; assert unreal.a.b is unreal.a.b",
        "import unreal as u; x = -u.Input((3,))[:, 0] / 255 + (1 - u.y) ** 2; x += 1; y = x < 3",
        "import unreal as u; u.seed(1); u.model.layers[0].on = False; del u.model.name",
        "import unreal as u; u.x['a'] = 1; del u.x['a']",
        "from unreal import scope\nwith scope('gpu') as s: s.model = 3",
        "import unreal as u; table = {u.Model: 1, u.a.b: 2}; assert table[u.Model] == 1",
        """
        import typing, unreal as u
        def f(x: u.T | None, *y: typing.Optional[u.T]) -> list[u.T[int]]: ...
        """,
        """
        import abc, unreal as u
        class A(abc.ABC):
            a = u.a
            @u.function(jit=True)
            def f(self): ...
        A()
        """,
        "import unreal as u, copy; copy.deepcopy(copy.copy(u.a))",
    ],
)
def test_what_a_module_may_do(code: str) -> None:
    imported(code)
    assert not {"unreal", "dreamt"} & {name.partition(".")[0] for name in sys.modules}


def test_classes_that_are_derived() -> None:
    found = imported("""
        import abc, unreal as u
        class Net(u.Model, name="net"):
            sizes = 1, 2
            def __init__(self, n, **keywords):
                super().__init__(**keywords)
                super(Net, self).__init__()
                self.n, self.dense = n, u.layers.Dense(n)
            def call(self, x):
                return self.dense(x)
        @u.saving.register(package="mine")
        class Block(Net): ...
        class Mixed(dict, u.A, u.B): ...
        class Wide(Block, u.A): ...
        class Deep(u.A, Net): ...
        class Abstract(u.A, abc.ABC):
            @abc.abstractmethod
            def f(self): ...
        net = Net(3, name="net")
        net.compile(u.optimizers.Adam(1e-3), loss={"a": u.losses.mse})
        y = net(u.Input((3,))) + Deep(4).call(1) + Net.from_config({})
        net.trainable = False
    """)
    assert (found["net"].n, found["net"].sizes, found["net"].trainable) == (3, (1, 2), False)
    assert isinstance(found["Deep"].__mro__, tuple)
    assert not isinstance(3, found["Net"])
    for use in ("Net(3)", "Net.from_config", "net(3)", "net.weights"):
        with pytest.raises(Replaced):
            eval(use, found)  # noqa: S307


@pytest.mark.parametrize(
    "code",
    [
        "if x: pass",
        "x == 3 or y",
        "3 in [x]",
        "3 in x",
        "[*x]",
        "a, b = x",
        "dict(**x)",
        "len(x)",
        "int(x)",
        "float(x)",
        "range(x)",
        "round(x)",
        "str(x)",
        "repr(x)",
        "f'{x:>3}'",
        "'%s' % x",
        "open(x)",
        "bytes(x)",
        "isinstance(3, x)",
        "issubclass(int, x)",
        "np.asarray(x)",
        "np.stack([x, x])",
        "np.float32(3) + x",
        "x.__name__",
        "x.__version__",
        "dreamt.__version__",
        "dir(x)",
        "dir(unreal)",
        "'%d' % x",
        "3 + (lambda: x())().real.__index__",
        "import functools\n@functools.wraps(x)\ndef f(): ...",
        "from unreal import *",
        "try: [].index(3, x)\nexcept Exception: pass",
        "raise ValueError",
        "import dataclasses\n@dataclasses.dataclass\nclass A:\n  x: int = x",  # Asks for its repr.
        "class A(x, metaclass=type('M', (type,), {})): ...",
        "class A(x): ...\npickle.loads(pickle.dumps(types.SimpleNamespace(x=x))).x.y.z.__len__()",
    ],
)
def test_what_is_for_the_real_package(code: str) -> None:
    top = "import pickle, types, numpy as np, unreal, dreamt\nx, y = unreal.x, unreal.y\n"
    with pytest.raises(Replaced):
        imported(top + code)


@pytest.mark.parametrize(
    "use",
    [
        lambda x, unreal: unreal.new,
        lambda x, unreal: x.new,
        lambda x, unreal: x(),
        lambda x, unreal: x + 1,
        lambda x, unreal: 1 - x,
        lambda x, unreal: x < 1,
        lambda x, unreal: x == x,
        lambda x, unreal: x[0],
        lambda x, unreal: setattr(x, "a", 1),
        lambda x, unreal: setattr(unreal.x, "a", 1),
        lambda x, unreal: x.__enter__(),
        lambda x, unreal: types.new_class("A", (x,)),
        lambda x, unreal: np.stack([x]),
        lambda x, unreal: isinstance(3, x),
    ],
)
def test_once_it_is_imported_any_use_is_for_the_real_package(use: Any) -> None:
    found = imported("import unreal; from unreal import x")
    with pytest.raises(Replaced):
        use(found["x"], found["unreal"])


def test_what_is_sent_may_hold_them() -> None:
    """An object of the package's is made by one of its functions, and then given its state."""
    with importing():
        made = pickle.loads(b"cunreal.a\nmake\n(I1\ntR}S'size'\nI3\nsb.")
        size = made.size
        with pytest.raises(Replaced):
            int(size)


def test_a_failure_is_theirs_only_where_there_are_any() -> None:
    standins.failed()
    with pytest.raises(ZeroDivisionError):
        imported("1 / 0")
    imported("import unreal")
    with pytest.raises(Replaced):
        standins.failed()


def test_other_packages_are_imported_as_ever() -> None:
    found = imported("import json")
    assert found["json"] is sys.modules["json"]
    with pytest.raises(ModuleNotFoundError):
        imported("import unrealistic")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("unreal")
