"""When a record is stale: what it was made by, against the lesson as it stands.

What counts of the code are the lesson's own statements that the recorded function needs. Comments,
blank lines, layout and docstrings do not change them. Of a library only the names that are used
count: what its code does is judged by the small case that runs live.
"""

import ast
import dis
import hashlib
import inspect
import linecache
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

READS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
GIVES = ("STORE_NAME", "STORE_GLOBAL")
IMPORTS = ast.Import | ast.ImportFrom


def code_hash(function: Callable) -> str:
    """Hash the statements of its lesson that a function needs: one number for what it does.

    Beginning with the function's name: the last statement that gives a name its value, what changes
    that value later (`sizes["LSTM"] = 64`, `names.append("GRU")`), and so on for every global name
    that these statements read. What is imported is not changed: `np.testing.assert_allclose(...)`
    is a call. The hash is the same in every process and on every Python.

    Raises: ValueError (anything but a function that its notebook or file defines at the top).
    """
    written = [(node, _compiled(node)) for node in _statements(function)]
    gives = [_names(code, GIVES) for _, code in written]
    name = getattr(function, "__qualname__", "")
    if not any(name in given for given in gives):
        raise ValueError(
            f"cannot find the source of {name or function!r}: define it by `def` at the top of a "
            "notebook's cell or of a file"
        )
    needed: set[int] = set()
    met, waiting = set(), {name}
    while waiting:
        name = waiting.pop()
        met.add(name)
        for at in [i for i, names in enumerate(gives) if name in names][-1:]:
            imported = isinstance(written[at][0], IMPORTS)
            after = () if imported else range(at + 1, len(written))
            for i in {at, *(i for i in after if name in _changed(written[i][0]))} - needed:
                needed.add(i)
                waiting |= _names(written[i][1], READS, inner=True) - met
    kept = [written[i][0] for i in sorted(needed)]
    imports = [node for node in kept if isinstance(node, IMPORTS)]
    said = sorted(repr(_skeleton(node)) for node in imports)  # in whatever order they are written
    said += [repr(_skeleton(node)) for node in kept if node not in imports]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def changes(stored: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """List what has changed since a record was made, one line each; nothing, if it is fresh.

    Both tell of "code" (a hash) and of the settings "full" and "small".
    """
    same = stored["code"] == now["code"]
    found = [] if same else ["the code of `run`, or of something it uses from the lesson"]
    for case in ("full", "small"):
        for key in sorted({*stored[case], *now[case]}):
            before, after = stored[case].get(key), now[case].get(key)
            found += [] if before == after else [f"{case}: {key} was {before}, is {after}"]
    return found


def _statements(function: Any) -> Iterator[ast.stmt]:
    """Give the top statements of the notebook, cell by cell as executed, or of the file.

    Of an import counts which package a name is from, each name alone: where in the package it
    lives, and what else the line imports, is nobody's matter.
    """
    function = inspect.unwrap(function)
    names, code = getattr(function, "__globals__", {}), getattr(function, "__code__", None)
    for text in _cells(names, code) if code else []:
        try:
            tree = ast.parse(text)
        except SyntaxError:  # a cell that did not run
            continue
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                package = (node.module or "").partition(".")[0]
                yield from (ast.ImportFrom(package, [alias], 0) for alias in node.names)
            else:
                yield node


def _cells(names: dict[str, Any], code: CodeType) -> list[str]:
    """Return the cells so far, or the file; a kernel without a history has its cells as files."""
    if any(names.get("In", [])):
        return names["In"]
    files = [code.co_filename]
    if "get_ipython" in names:
        folder = code.co_filename.rpartition("/")[0] or "<ipython-input"
        files = [file for file in linecache.cache if file.startswith(folder)]
    return ["".join(linecache.getlines(file)) for file in files]


def _compiled(node: ast.stmt) -> CodeType:
    node = ast.fix_missing_locations(node)
    return compile(ast.Module([node], []), "", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def _names(code: CodeType, operations: tuple[str, ...], inner: bool = False) -> set[str]:
    """Return the global names that code reads or gives, with `inner` also in inner functions."""
    found = {i.argval for i in dis.get_instructions(code) if i.opname in operations}
    deeper = [c for c in code.co_consts if isinstance(c, CodeType)] if inner else []
    return found.union(*(_names(c, operations, True) for c in deeper))


def _changed(node: ast.stmt) -> set[str]:
    """Return the names whose values a statement changes: x[i] = ..., x.a = ..., x.append(...)."""
    found = set()
    for n in ast.walk(node):
        place: Any = n if isinstance(getattr(n, "ctx", None), ast.Store | ast.Del) else None
        if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call):
            place = n.value.func
        inside = isinstance(place, ast.Subscript | ast.Attribute)
        while isinstance(place, ast.Subscript | ast.Attribute):
            place = place.value
        found |= {place.id} if inside and isinstance(place, ast.Name) else set()
    return found


def _skeleton(node: Any) -> Any:
    """Return a syntax tree as plain tuples, equal on all Python versions, without docstrings."""
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
