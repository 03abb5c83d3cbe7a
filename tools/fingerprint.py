"""What a built lesson depends on, as hashes: when one differs, the lesson is stale."""

import ast
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager


def digest(content: str | bytes) -> str:
    """Shorten a sha256 to what suffices to see a change."""
    content = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(content).hexdigest()[:16]


def parse(cell: str) -> ast.Module:
    """Parse one cell as IPython reads it, with its %magic and !command lines.

    Raises: SyntaxError.
    """
    first, _, body = cell.partition("\n")
    if not first.startswith("%%"):
        return ast.parse(TransformerManager().transform_cell(cell))
    try:
        return ast.parse(TransformerManager().transform_cell(f"\n{body}"))  # %%time and the like
    except SyntaxError:
        return ast.parse("")  # %%bash, %%html: not Python


def imported(tree: ast.AST, package: str = "") -> set[tuple[str, str]]:
    """List what a tree imports of rnnlib, in whatever way, as (module, name in it or nothing).

    `package` is where the tree's own module stands, such as "rnnlib.tasks": relative imports start
    from there.
    """
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            found |= {(base, alias.name) for alias in node.names}
    return {(base, name) for base, name in found if base.partition(".")[0] == "rnnlib"}


def located(base: str, name: str, root: Path) -> Path:
    """Find the file that an import reads: a module's, or a package's __init__.py.

    Raises: LookupError (there is no such module, and no such name in the package).
    """
    place = root / base.replace(".", "/")
    if (module := place.with_suffix(".py")).is_file():
        return module
    package = place / "__init__.py"
    if package.is_file():
        inside = [place / f"{name}.py", place / name / "__init__.py"] if name else []
        for file in inside:
            if file.is_file():
                return file
        text = package.read_text("utf-8-sig")
        if not name or re.search(rf"^(def |class )?{re.escape(name)}\b", text, re.M):
            return package
    raise LookupError(f"nothing is called {base}{f'.{name}' if name else ''}")


def modules(cells: Iterable[ast.AST], root: Path) -> set[Path]:
    """Find the files of rnnlib that the cells import, directly or through one another.

    With each counts the __init__.py of every package around it, since Python runs that first. All
    but first_cell.py: it says what a notebook runs on, and no result depends on its words.

    Raises: LookupError (an import of rnnlib that leads nowhere), SyntaxError.
    """
    found: set[Path] = set()
    waiting = [(cell, "") for cell in cells]
    while waiting:
        files = {located(*one, root) for one in imported(*waiting.pop())}
        around = {top / "__init__.py" for file in files for top in file.parents if top > root}
        new = (files | {init for init in around if init.is_file()}) - found
        found |= new
        packages = [".".join(file.relative_to(root).parts[:-1]) for file in new]
        parsed = [ast.parse(file.read_bytes(), str(file)) for file in new]
        waiting += zip(parsed, packages, strict=True)
    return found - {root / "rnnlib" / "notebook" / "first_cell.py"}


def records(cells: Iterable[ast.AST], package: Path) -> set[Path]:
    """Find the recorded runs that the cells name in a string."""
    nodes = [node for cell in cells for node in ast.walk(cell)]
    strings = {node.value for node in nodes if isinstance(node, ast.Constant)}
    files = (package / "data" / "recorded").glob("[!.]*")
    return {path for path in files if path.name.partition(".")[0] in strings}


def content(file: Path) -> bytes:
    """Read what a file does: a new version number alone makes no lesson stale."""
    return re.sub(rb"^__version__ = .*", b"", file.read_bytes(), flags=re.MULTILINE)


def fingerprint(texts: dict[str, str], cells: list[ast.Module], root: Path) -> dict[str, str]:
    """Map each thing that a lesson is built from to its hash; `cells` are its code, parsed.

    Raises: SyntaxError (in a module of rnnlib; its `filename` says in which), LookupError (an
    import of rnnlib that leads nowhere).
    """
    files = modules(cells, root) | records(cells, root / "rnnlib")
    named = {str(file.relative_to(root)): digest(content(file)) for file in sorted(files)}
    return {name: digest(text) for name, text in texts.items()} | named


def changed(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Name what differs between two fingerprints; nothing differs in a fresh lesson."""
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
