"""A fingerprint of a function's meaning: its code and that of everything it uses from its lesson.

Comments, blank lines, layout and docstrings do not change it; any other edit does.
"""

import ast
import dis
import hashlib
import inspect
import linecache
import textwrap
from collections.abc import Callable
from types import CodeType
from typing import Any

CONSTANTS = (int, float, str, bool, type(None))


def fingerprint(function: Callable) -> str:
    """Returns the sha256 of a function with the functions, classes and constants that it reaches.

    Followed by name are what the function's own module (in a notebook: the notebook) defines:
    functions (jitted ones too), classes, and numbers, strings, and lists or dictionaries of them.
    Libraries are not followed, and arrays are not read: pass those in, or compute them inside.

    Raises: ValueError (the source of `function` cannot be found, as for one typed at a prompt).
    """
    found: dict[str, str] = {}
    _follow(getattr(function, "__name__", "run"), inspect.unwrap(function), function, found)
    return hashlib.sha256("\n".join(f"{k} {found[k]}" for k in sorted(found)).encode()).hexdigest()


def _follow(name: str, thing: Any, root: Any, found: dict[str, str]) -> None:
    if name in found:
        return
    if _is_constant(thing):
        found[name] = repr(thing)
        return
    if not (inspect.isfunction(thing) or inspect.isclass(thing)):
        return
    if thing.__module__ != root.__module__:
        return
    found[name] = repr(_skeleton(_tree(thing)))
    namespace = inspect.unwrap(root).__globals__
    for used in sorted({name for code in _codes(thing) for name in _globals(code)}):
        if used in namespace:
            _follow(used, inspect.unwrap(namespace[used]), root, found)


def _codes(thing: Any) -> list[CodeType]:
    functions = [thing] if inspect.isfunction(thing) else vars(thing).values()
    return [f.__code__ for f in map(inspect.unwrap, functions) if inspect.isfunction(f)]


def _globals(code: CodeType) -> set[str]:
    """Returns the names that a function reads from outside itself, also in its inner functions."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
    return names.union(*(_globals(c) for c in code.co_consts if isinstance(c, CodeType)))


def _is_constant(thing: Any) -> bool:
    if isinstance(thing, dict):
        return all(_is_constant(v) for item in thing.items() for v in item)
    if isinstance(thing, list | tuple):
        return all(_is_constant(v) for v in thing)
    return isinstance(thing, CONSTANTS)


def _tree(thing: Any) -> ast.AST:
    """Returns the syntax tree of a function, or of a class (also one that a notebook defines)."""
    try:
        if inspect.isfunction(thing):
            return ast.parse(textwrap.dedent(inspect.getsource(thing)))
        for code in _codes(
            thing
        ):  # inspect.getsource finds no class of a notebook, but its methods
            for node in ast.walk(ast.parse("".join(linecache.getlines(code.co_filename)))):
                if isinstance(node, ast.ClassDef) and node.name == thing.__name__:
                    return node
        return ast.parse(textwrap.dedent(inspect.getsource(thing)))
    except (OSError, TypeError, SyntaxError) as error:
        raise ValueError(
            f"cannot find the source of {thing.__name__}: define it in a notebook's cell or in a "
            f"file, a class with at least one method ({error})"
        ) from None


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
