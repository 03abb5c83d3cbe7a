"""What a cell's statements give, change and need, read from its text alone."""

import ast
import re
import symtable
from collections.abc import Sequence
from typing import NamedTuple

AROUND = "time|timeit|capture|prun|lprun|memit"  # magics that run the Python behind them
MAGIC = re.compile(rf"^(\s*(?:[\w, ]+=\s*)?)%(?:{AROUND})\b *(?:-\w+ *\d* +)*", re.MULTILINE)
MAKERS = ("dict", "list", "set", "tuple", "str", "defaultdict", "OrderedDict", "Counter", "deque")
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Uses(NamedTuple):
    """The names of one statement; a file's name stands in quotes."""

    gives: set[str]
    empty: set[str]  # which of them get nothing, such as {}
    changes: set[str]  # what is filled or changed where it lies, or would be by this definition
    needs: set[str]
    defines: str = ""  # the name, if it is a definition


def words(source: str) -> set[str]:
    """Return all that may be a name in a text, and what may be a file's name, in quotes."""
    return {*re.findall(r"\w+", source), *map(repr, re.findall(r"[\w-]+\.\w+", source))}


def statements(source: str) -> list[Uses]:
    """Return what each statement of a cell does; of what is no Python all words may be given."""
    from IPython.core.inputtransformer2 import TransformerManager

    text = MAGIC.sub(r"\1", re.sub(r"^\s*%%.*", "", source, flags=re.MULTILINE))
    try:
        return [_uses(part) for part in ast.parse(TransformerManager().transform_cell(text)).body]
    except SyntaxError:
        return [Uses(words(source), set(), set(), set())]


def _uses(statement: ast.stmt) -> Uses:
    tables = [symtable.symtable(ast.unparse(statement), "", "exec")]
    for table in tables:
        tables += table.get_children()
    symbols, nodes = [s for t in tables for s in t.get_symbols()], list(ast.walk(statement))
    inner = {n.id for node in nodes if isinstance(node, ast.comprehension) for n in _names(node)}
    bound = [s for s in tables[0].get_symbols() if s.is_assigned() or s.is_imported()]
    gives = {symbol.get_name() for symbol in bound} - inner
    gives |= {n.id for node in nodes if isinstance(node, ast.NamedExpr) for n in _names(node)}
    needs = {s.get_name() for s in symbols if s.is_referenced() and s.is_global()} - inner
    written = {s.get_name() for s in symbols if s.is_declared_global() and s.is_assigned()}
    changes = {_root(node) for node in nodes} & (needs | gives) | (written - gives)
    if not isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr):
        needs -= gives  # a loop's own variable, a function that calls itself
    defines = statement.name if isinstance(statement, DEFINITIONS) else ""
    return Uses(gives, _empty(nodes), changes, needs | changes | _files(nodes), defines)


def _names(node: ast.AST) -> list[ast.Name]:
    """Return the names in it that are bound there, or deleted."""
    found = (n for n in ast.walk(node) if isinstance(n, ast.Name))
    return [name for name in found if not isinstance(name.ctx, ast.Load)]


def _root(node: ast.AST | None) -> str:
    """Return the name of what a node changes in place: `x` of `x[0].y = 1` and `x.sort()`."""
    match node:
        case ast.AugAssign(target=target):
            node = target
        case ast.Expr(value=ast.Call(func=ast.Attribute() as method, args=a, keywords=k)) if a or k:
            node = method  # called for what it does, since what it returns is thrown away
        case (
            ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store() | ast.Del())
        ):
            pass
        case _:
            return ""
    while node and not isinstance(node, ast.Name):
        node = getattr(node, "value", None) or getattr(node, "func", None)
    return node.id if node else ""


def _files(nodes: Sequence[ast.AST]) -> set[str]:
    """Return the files whose names stand in a statement, or which it imports."""
    found = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    modules = [alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names]
    modules += [n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)]
    parts = [part for module in modules for part in module.split(".")]
    return {*(repr(text.split("/")[-1]) for text in found), *(repr(f"{p}.py") for p in parts)}


def _empty(nodes: Sequence[ast.AST]) -> set[str]:
    """Return the names to which nothing is given, and those that are deleted."""
    found = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Del)}
    for node in nodes:
        if isinstance(node, ast.FunctionDef) and all(map(_idle, node.body)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {n for target in node.targets for n in _emptied(target, node.value)}
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
            found |= _emptied(node.target, node.value)
    return found


def _idle(statement: ast.stmt) -> bool:
    """Tell `pass`, a docstring and `...`, and a return of nothing."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass | ast.Return) and is_nothing(
        getattr(statement, "value", None)
    )


def _emptied(target: ast.expr, value: ast.expr | None) -> set[str]:
    sides = getattr(target, "elts", []), getattr(value, "elts", [])
    if sides[0] and len(sides[0]) == len(sides[1]):
        return {name for one, its in zip(*sides, strict=True) for name in _emptied(one, its)}
    return {name.id for name in _names(target)} if is_nothing(value) else set()


def is_nothing(value: ast.expr | None) -> bool:
    """Tell an expression that holds nothing: {}, [None] * 3, {k: [] for k in x}, dict()."""
    match value:
        case None:
            return True
        case ast.Constant(value=constant):
            return constant in (None, ...) or (isinstance(constant, str) and not constant.strip())
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Dict(values=parts):
            return all(map(is_nothing, parts))
        case (
            ast.DictComp(value=part) | ast.ListComp(elt=part) | ast.BinOp(left=part, op=ast.Mult())
        ):
            return is_nothing(part)
        case ast.Lambda(body=part):
            return is_nothing(part)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[], keywords=parts):
            return name in MAKERS and all(is_nothing(part.value) for part in parts)
        case ast.Call(func=ast.Name(id="defaultdict") | ast.Attribute(attr="fromkeys"), args=[_]):
            return True
    return False
