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


def imported(tree: ast.AST) -> set[str]:
    """Name the modules of rnnlib that a tree imports, in whatever way: `train`, `cells`, ..."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = f"rnnlib.{node.module or ''}".rstrip(".") if node.level else node.module or ""
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("rnnlib.")}


def modules(cells: Iterable[ast.AST], package: Path) -> set[Path]:
    """Find the files of rnnlib that the cells import, directly or through one another.

    All but colab.py: it says what a notebook runs on, and no result depends on its words.
    """
    found = {package / "__init__.py"}
    waiting = list(cells)
    while waiting:
        files = {package / f"{name}.py" for name in imported(waiting.pop())}
        new = {file for file in files if file.exists()} - found
        found |= new
        waiting += [ast.parse(file.read_text(), str(file)) for file in new]
    return found - {package / "colab.py"}


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

    Raises: SyntaxError (in a module of rnnlib; its `filename` says in which).
    """
    package = root / "rnnlib"
    files = modules(cells, package) | records(cells, package)
    named = {str(file.relative_to(root)): digest(content(file)) for file in sorted(files)}
    return {name: digest(text) for name, text in texts.items()} | named


def changed(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Name what differs between two fingerprints; nothing differs in a fresh lesson."""
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
