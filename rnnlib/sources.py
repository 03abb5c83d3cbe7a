"""A fingerprint of a function's meaning: its code and everything that it uses from its lesson.

Comments, blank lines, layout and docstrings do not change it; any other edit does, wherever in the
lesson it is made. It is the same in every process and on every version of Python and of JAX.
"""

import ast
import dis
import functools
import hashlib
import inspect
import linecache
import re
from collections.abc import Callable, Mapping
from types import CellType, CodeType, ModuleType, SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

CONSTANTS = int | float | complex | str | bytes | range | slice | None | type(...)
ARRAYS = np.ndarray | np.generic | jax.Array
WRITTEN = 1_000  # up to so many entries, an array of float64 is read as if typed by hand
LARGE = 50_000_000  # bytes; of larger arrays only shape and type count


def fingerprint(function: Callable) -> str:
    """Returns the sha256 of a function with all that it reaches: what it means, as one number.

    Followed, to any depth, are the global names that the function reads, the variables that it
    closes over, and its defaults:

    - functions and classes of its own module (in a notebook: the notebook) count by their source,
      without comments, layout and docstrings; classes also by their bases and attributes;
    - what libraries define counts by its name (their code is judged by the small case), and what
      they made, such as the sampler of `text.windows(...)`, also by what it closes over;
    - numbers, texts and containers count by their content, whole numbers in arrays too. Computed
      floats differ in their last bits between machines and versions, so arrays of them count by
      shape and type; only NumPy's float64, up to 1,000 entries, are read (to six digits).

    Raises: ValueError (the source of a function cannot be found, as for one typed at a prompt).
    """
    description = _Reader(_home(function)).describe(function)
    return hashlib.sha256(repr(description).encode()).hexdigest()


def _home(function: Any) -> dict[str, Any]:
    """Returns the global names among which a function was written."""
    inner = inspect.unwrap(function)
    if isinstance(inner, functools.partial):
        return _home(inner.func)
    if inspect.ismethod(inner):
        return _home(inner.__func__)
    if inspect.isfunction(inner):
        return inner.__globals__
    call = inspect.unwrap(type(inner).__call__)  # of an object that can be called
    return getattr(call, "__globals__", {"__name__": ""})


class _Reader:
    """Describes things as nested tuples of texts; what was met before is only pointed at."""

    def __init__(self, home: dict[str, Any]):
        self.home = home
        self.met: dict[int, tuple[int, Any]] = {}  # keeps them alive: an id is used again

    def describe(self, thing: Any) -> Any:
        if isinstance(thing, ARRAYS):
            return _array(thing)
        if isinstance(thing, CONSTANTS):
            return repr(thing)
        if isinstance(thing, ModuleType):
            return thing.__name__
        if isinstance(thing, Mapping | list | tuple | set | frozenset):
            return (_name(type(thing)), self._content(thing))
        if id(thing) in self.met:
            return f"number {self.met[id(thing)][0]}"
        self.met[id(thing)] = len(self.met), thing
        if inspect.isclass(thing):
            return self._class(thing)
        if inspect.isfunction(thing):
            return self._function(thing)
        return self._object(thing)

    def _content(self, container: Any) -> tuple:
        if isinstance(container, Mapping):
            return tuple((self.describe(k), self.describe(v)) for k, v in container.items())
        if isinstance(container, set | frozenset):  # their order differs from process to process
            container = sorted(container, key=lambda x: getattr(x, "__qualname__", None) or repr(x))
        return tuple(map(self.describe, container))

    def _function(self, function: Any) -> Any:
        code = function.__code__
        if function.__globals__ is self.home:
            used = sorted(name for name in _globals(code) if name in self.home)
            about = _source(code), tuple((name, self.describe(self.home[name])) for name in used)
        elif hasattr(function, "__wrapped__"):  # jax.vmap(f), another's decorator: f is ours
            return ("around", self.describe(inspect.unwrap(function)))
        elif "<" not in code.co_qualname:
            return _name(function)
        else:  # made inside a library's function
            about = f"{_name(function)} {code.co_qualname}", ()
        cells = zip(code.co_freevars, function.__closure__ or (), strict=False)
        held = {name: _contents(cell) for name, cell in sorted(cells, key=lambda c: c[0])}
        return (*about, self.describe((held, function.__defaults__, function.__kwdefaults__)))

    def _class(self, cls: type) -> Any:
        if cls.__module__ != self.home["__name__"]:
            return _name(cls)
        node = self._class_node(cls)
        if node is None:  # a notebook's class without methods cannot be found: its fields tell
            fields = tuple(getattr(cls, "__annotations__", {}))
            about = cls.__name__, fields, self.describe(getattr(cls, "_field_defaults", None))
            plain = [n for n, value in vars(cls).items() if not hasattr(value, "__get__")]
            names = [name for name in plain if not name.startswith("_")]
        else:
            about, names = _skeleton(node), _assigned(node)
        members = tuple((n, self.describe(vars(cls)[n])) for n in names if n in vars(cls))
        return (about, members, tuple(map(self.describe, cls.__bases__)))

    def _class_node(self, cls: type) -> ast.ClassDef | None:
        """Returns a class's syntax tree, found around its methods (inspect finds no notebook's)."""
        for method in map(_inside, vars(cls).values()):
            if inspect.isfunction(method) and method.__globals__ is self.home:
                code = method.__code__
                nodes = [n for n in ast.walk(_file(code)) if isinstance(n, ast.ClassDef)]
                for node in nodes:
                    around = node.lineno <= code.co_firstlineno <= (node.end_lineno or 0)
                    if around and node.name == cls.__name__:
                        return node
        return None

    def _object(self, thing: Any) -> Any:
        if isinstance(thing, functools.partial):
            parts = thing.func, thing.args, thing.keywords
        elif inspect.ismethod(thing):
            parts = thing.__func__, thing.__self__
        elif isinstance(thing, property):
            parts = thing.fget, thing.fset
        elif isinstance(thing, re.Pattern):
            parts = thing.pattern, thing.flags
        elif _inside(thing) is not thing:  # jitted, a static method
            parts = (_inside(thing),)
        elif not jax.tree_util.all_leaves([thing]):  # a model
            parts = type(thing), jax.tree.leaves(thing)
        elif self._is_ours(type(thing)) or isinstance(thing, SimpleNamespace):
            parts = type(thing), getattr(thing, "__dict__", {})
        else:  # another library's: what is inside is no lesson's business, and changes
            return _name(thing if hasattr(thing, "__name__") else type(thing))
        return (_name(type(thing)), tuple(map(self.describe, parts)))

    def _is_ours(self, cls: type) -> bool:
        ours = {self.home["__name__"].partition(".")[0], __name__.partition(".")[0]}
        return cls.__module__.partition(".")[0] in ours


def _contents(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a variable that has no value yet
        return None


def _name(thing: Any) -> str:
    """Returns a library's name and what the library calls a thing; where inside, is its matter."""
    package = str(getattr(thing, "__module__", None) or "").partition(".")[0]
    return f"{package}:{thing.__name__}"


def _inside(thing: Any) -> Any:
    """Returns the function within a jitted one, a static or class method, or a cached property."""
    thing = inspect.unwrap(thing)
    return thing.func if isinstance(thing, functools.cached_property) else thing


def _array(array: Any) -> Any:
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    about = f"{array.dtype}{list(array.shape)}"
    if array.dtype == object or array.nbytes > LARGE:
        return about
    if isinstance(array, np.ndarray | np.generic) and array.dtype == np.float64:
        return about, [f"{x:.6g}" for x in array.ravel()] if array.size <= WRITTEN else ""
    if array.dtype.kind in "biuSU":
        return about, hashlib.sha256(np.asarray(array).tobytes()).hexdigest()
    return about


def _globals(code: CodeType) -> set[str]:
    """Returns the names that a function reads from outside itself, also in its inner functions."""
    reads = "LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"  # the last two: inner classes
    names = {i.argval for i in dis.get_instructions(code) if i.opname in reads}
    names = {name for name in names if not name.startswith("__")}
    return names.union(*(_globals(c) for c in code.co_consts if isinstance(c, CodeType)))


def _assigned(node: ast.ClassDef) -> list[str]:
    """Returns the names that a class's body gives a value, in order."""
    names = []
    for part in node.body:
        targets = getattr(part, "targets", [getattr(part, "target", None)])
        names += [part.name] if isinstance(part, ast.FunctionDef | ast.ClassDef) else []
        names += [target.id for target in targets if isinstance(target, ast.Name)]
    return list(dict.fromkeys(names))


def _file(code: CodeType) -> ast.Module:
    return _parsed("".join(linecache.getlines(code.co_filename)))


@functools.lru_cache(maxsize=256)
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def _source(code: CodeType) -> Any:
    """Returns a function's syntax, as found in its file or in its notebook's cell.

    Of lambdas that begin on one line all are returned, since nothing tells them apart.
    """
    found = []
    for node in ast.walk(_file(code)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        elif isinstance(node, ast.Lambda) and code.co_name == "<lambda>":
            first = node.lineno
        else:
            continue
        found += [_skeleton(node)] if first == code.co_firstlineno else []
    if not found:
        raise ValueError(
            f"cannot find the source of {code.co_name}: define it in a notebook's cell or in a file"
        )
    return found


def _skeleton(node: Any) -> Any:
    """Returns a syntax tree as plain tuples, equal on all Python versions, without docstrings."""
    if isinstance(node, list):
        return tuple(_skeleton(n) for n in node)
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = dict(ast.iter_fields(node))
    if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
        fields["body"] = node.body[1:]
    if isinstance(node, ast.JoinedStr):  # some Python 3.12 end an f-string by an empty text
        fields["values"] = [v for v in node.values if getattr(v, "value", None) != ""]
    kept = ((k, _skeleton(v)) for k, v in fields.items() if v is not None and v != [])
    return (type(node).__name__, *kept)
