"""A notebook's cells, read as IPython reads them: which statements of them are to be run."""

import ast
import re
from collections.abc import Iterator

LONG = re.compile(r"#\s*long\b", re.IGNORECASE)  # how a cell begins that the grader need not run
CELL_MAGIC = re.compile(r"%%(\w+)")
AROUND = {"time", "timeit", "capture", "prun", "lprun", "memit"}  # magics that run Python
MARKS = ("#", "%", "!")  # how lines begin that may stand above a cell's first statement
BLOCK = (ast.stmt, ast.excepthandler, ast.match_case)  # parts that are run after a statement's head
Statement = ast.stmt | Exception  # what is to be run, or what keeps a cell from being read


def python(cell: str) -> ast.Module:
    """Return a cell's program, its lines where they stood: empty if the grader need not run it.

    Raises: SyntaxError; ValueError, RecursionError, MemoryError (no text, or nested too deep).
    """
    from IPython.core.inputtransformer2 import TransformerManager

    transform, lines = TransformerManager().transform_cell, cell.split("\n")
    for at, line in enumerate(map(str.strip, lines)):
        if LONG.match(line):
            return ast.Module([], [])
        if magic := CELL_MAGIC.match(line):
            if magic[1] not in AROUND or magic[1] == "timeit":  # not this program: see Shell
                rest = ast.parse(transform("\n".join(lines[at:])))
                return ast.Module([ast.increment_lineno(one, at) for one in rest.body], [])
            lines[at] = "#"
        elif line and not line.startswith(MARKS):
            break
    return ast.parse(transform("\n".join(lines)))


def statements(cells: list[str]) -> Iterator[tuple[str, Statement]]:
    """Give every statement of every cell, and its place."""
    for number, cell in enumerate(cells, 1):
        try:
            for statement in python(cell).body:
                for part in one_by_one(statement):
                    yield f"code cell {number}, line {statement.lineno}", part
        except SyntaxError as error:
            yield f"code cell {number}, line {error.lineno}", error
        except (ValueError, RecursionError, MemoryError) as error:
            yield f"code cell {number}", error


def first_names(statement: Statement) -> set[str]:
    """Return the names that a statement reads before it has changed anything."""
    names, todo = set(), [statement] if isinstance(statement, ast.stmt) else []
    for one in todo:
        head = [part for part in ast.iter_child_nodes(one) if not isinstance(part, BLOCK)]
        names |= {node.id for part in head for node in ast.walk(part) if isinstance(node, ast.Name)}
        todo += getattr(one, "body", [])[:1]
    return names


def one_by_one(statement: ast.stmt) -> list[ast.stmt]:
    """Part an import of several names: what is missing here costs none of the others."""
    if isinstance(statement, ast.Import):
        parts: list[ast.stmt] = [ast.Import([name]) for name in statement.names]
    elif isinstance(statement, ast.ImportFrom):
        module, level = statement.module, statement.level
        parts = [ast.ImportFrom(module, [name], level) for name in statement.names]
    else:
        return [ast.fix_missing_locations(Unneeded().visit(statement))]
    return [ast.copy_location(part, statement) for part in parts]


class Unneeded(ast.NodeTransformer):
    """Lets an import within a function or a block fail alone, where no `try` waits for that.

    What it would have imported is missing then where it is used.
    """

    def visit_Try(self, node: ast.AST) -> ast.AST:
        """Leave alone what looks for itself whether something is there."""
        return node

    visit_TryStar = visit_Try

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> list[ast.stmt]:
        """Put each name's import into a `try` of its own."""
        passed = ast.ExceptHandler(ast.Name("ImportError", ast.Load()), None, [ast.Pass()])
        return [
            ast.copy_location(ast.Try([part], [passed], [], []), node) for part in one_by_one(node)
        ]

    visit_ImportFrom = visit_Import
