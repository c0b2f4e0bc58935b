"""Stand-ins for Keras and TensorFlow in a worker, where modules import them and no more.

The module that holds a sequence often holds models too, so it imports Keras at its top: seconds
and some 700 MB for each worker, though loading may not use it. So while a worker imports what it
was sent, it gives a stand-in for Keras. Whatever a module does with one at its top, such as to
derive a class, to decorate a function or to build a model, gives another, of which nothing is
known.

They never change what is served. As soon as an answer of one counts (a text, a number, whether
it is true), or it is used while a sample is loaded, or loading fails, the worker asks for one in
its place that imports Keras itself.
"""

from __future__ import annotations

import abc
import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

__all__ = ["failed", "importing"]

# What these give is another stand-in, or nothing; what the last ones give counts.
_GIVE = """
    add sub mul truediv floordiv mod divmod pow matmul and or xor lshift rshift radd rsub rmul
    rtruediv rfloordiv rmod rdivmod rpow rmatmul rand ror rxor rlshift rrshift neg pos abs invert
    lt le gt ge eq ne call getitem enter
"""
_DO_NOTHING = "setitem delitem exit"
_COUNT = """
    bool len length_hint iter next reversed contains int float complex index round trunc str repr
    format bytes fspath array dir
"""
# Of names with two underscores; who asks for another one can do without.
_COUNT_TOO = ("__all__", "__name__", "__qualname__", "__version__")


class _State:
    """Of this process.

    Attributes:
        given: Names of the modules that were given.
        is_open: Whether stand-ins may be used.
        replace: Has a worker with Keras itself take the place of this one.
    """

    replace: Callable[[], NoReturn]

    def __init__(self) -> None:
        self.given: list[str] = []
        self.is_open = False


_state = _State()


@contextlib.contextmanager
def importing(facts: Mapping[str, str], replace: Callable[[], NoReturn]) -> Iterator[None]:
    """Gives stand-ins to what is imported within; later, Keras is imported as ever.

    Args:
        facts: What is known of the packages that are not to be imported: their versions, as
            "keras.__version__", and what functions return, as "keras.backend.backend".
        replace: Has a worker with Keras itself take the place of this one.
    """
    finder: Any = _Finder(facts)
    _state.replace, _state.is_open = replace, True
    sys.meta_path.insert(0, finder)
    try:
        yield
    except BaseException:
        failed()
        raise
    finally:
        _state.is_open = False
        sys.meta_path.remove(finder)
        for name in _state.given:
            sys.modules.pop(name, None)


def failed() -> None:
    """Says that something failed, for which a stand-in may be the reason."""
    if _state.given:
        _state.replace()


class _Finder:
    """Finds a stand-in for each module of some packages.

    Args:
        facts: What is known of the packages.
    """

    def __init__(self, facts: Mapping[str, str]) -> None:
        self._facts = {tuple(name.split(".")): fact for name, fact in facts.items()}
        self._packages = {name[0] for name in self._facts}

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        loader: Any = self
        known = name.partition(".")[0] in self._packages
        return ModuleSpec(name, loader, is_package=True) if known else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        _state.given.append(spec.name)
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        own = tuple(module.__name__.split("."))
        for name, fact in self._facts.items():
            below = name[len(own) :] if name[: len(own)] == own else ()
            if len(below) > 1:
                importlib.import_module(".".join([*own, below[0]]))  # Python sets the attribute.
            elif below and fact:
                vars(module)[below[0]] = fact if below[0] == "__version__" else partial(str, fact)


def _attribute(holder: Any, name: str) -> Any:
    """Returns what stands in for an attribute, each time the same."""
    if name in _COUNT_TOO:
        _state.replace()
    if name.startswith("__"):
        raise AttributeError(name)
    return vars(holder).setdefault(name, _give())


def _give(*_: Any, **__: Any) -> Any:
    return _StandIn() if _state.is_open else _state.replace()


def _do_nothing(*_: Any, **__: Any) -> None:
    if not _state.is_open:
        _state.replace()


def _count(*_: Any, **__: Any) -> NoReturn:
    _state.replace()


class _Module(ModuleType):
    __getattr__, __dir__ = _attribute, _count


class _Answering:
    """Whatever can be done with an object can be done with this."""

    __getattr__ = _attribute


for _names, _function in ((_GIVE, _give), (_DO_NOTHING, _do_nothing), (_COUNT, _count)):
    for _name in _names.split():
        setattr(_Answering, f"__{_name}__", _function)


class _StandIn(_Answering):
    __setattr__ = __delattr__ = __setstate__ = _do_nothing
    __instancecheck__ = __subclasscheck__ = _count

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        """Python asks for this where a class is derived from something that is none."""
        _do_nothing()
        before = bases[: next(k for k, base in enumerate(bases) if base is self)]
        others = [base for base in bases if isinstance(base, _DerivedType)]
        return () if others or any(isinstance(base, _StandIn) for base in before) else (_Derived,)


class _DerivedType(abc.ABCMeta):
    def __getattr__(cls, name: str) -> Any:
        return getattr(_give(), name)


class _Derived(_Answering, metaclass=_DerivedType):
    """Base of the classes that a module derives from stand-ins."""

    __setstate__ = _count  # What it holds is the user's.

    def __new__(cls, *_: Any, **__: Any) -> Any:
        _do_nothing()
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __init_subclass__(cls, **_: Any) -> None: ...
