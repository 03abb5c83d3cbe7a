"""A submission without a sandbox, for the graders' own tests."""

import ast
import contextlib
import json
from collections.abc import Iterator
from typing import Any

from grading import runner
from grading.statements import statements
from grading.submission import Failed, Missing
from grading.wire import pack, unpack


class Local:
    """Stands for a submission in its sandbox: the same answers, without the second process.

    What no change touches is computed once: a function is asked again only where one of the names
    that it may come to is defined in another way.
    """

    def __init__(self, cells: list[str]):
        self.namespace = runner.new()
        self.defined: list[str] = []
        self.failed = self._run(cells)
        self.uses: dict[str, set[str]] = {}
        for _, statement in statements(cells):
            for name in bound(statement):
                self.uses.setdefault(name, set()).update(named(statement))
        self.known: dict[str, dict[str, Any]] = {}  # what was answered, by what was asked
        self.touched: set[str] = set()

    @contextlib.contextmanager
    def changed(self, source: str) -> Iterator["Local"]:
        """Be the same submission with some of its names defined in another way, for a while.

        Raises: ValueError (the source does not run).
        """
        before = dict(self.namespace)
        if failed := self._run([source]):
            raise ValueError(f"{failed} in:\n{source}")
        for _, statement in statements([source]):
            self.touched |= bound(statement) if plain(statement) else {*self.namespace}
        try:
            yield self
        finally:
            self.touched = set()
            self.namespace.clear()
            self.namespace.update(before)

    def call(self, name: str, *args: Any) -> Any:
        """Call one of its functions. Raises: Failed."""
        return self._value({"name": name, "args": pack(list(args)), "seconds": 60})

    def get(self, name: str) -> Any:
        """Read one of its values. Raises: Failed."""
        return self._value({"name": name})

    def _run(self, cells: list[str]) -> list[str]:
        return runner.said(runner.run(cells, self.namespace, runner.Clock(60)))

    def _value(self, request: dict[str, Any]) -> Any:
        name, asked = request["name"], json.dumps(request)
        told = None if self.touched & self._reached(name) else self.known.get(asked)
        if told is None:
            told = runner.answer(request, self.namespace)
            if not self.touched & self._reached(name):
                self.known[asked] = told
        if "error" in told:
            kind = Missing if "missing" in told else Failed
            raise kind(f"`{name}`: {told['error']}")
        return unpack(told["value"])

    def _reached(self, name: str) -> set[str]:
        """Return all names that a function, or those that it names, may look up."""
        found, todo = {name}, [name]
        while todo:
            new = self.uses.get(todo.pop(), set()) - found
            found |= new
            todo += new
        return found


def plain(statement: Any) -> bool:
    """Tell whether a statement changes nothing but the names that it defines."""
    if isinstance(statement, ast.Assign):
        return all(isinstance(target, ast.Name | ast.Tuple) for target in statement.targets)
    return isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom)


def bound(statement: Any) -> set[str]:
    """Return the names that a statement defines, and perhaps some more."""
    found = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def named(statement: Any) -> set[str]:
    """Return the names that a statement may look up."""
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
