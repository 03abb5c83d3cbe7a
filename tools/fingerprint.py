"""What a built lesson depends on, as hashes: when one differs, the lesson is stale."""

import ast
import hashlib
import re
from pathlib import Path


def digest(content: str | bytes) -> str:
    """Shorten a sha256 to what suffices to see a change."""
    content = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(content).hexdigest()[:16]


def parse(code: str) -> ast.Module:
    """Parse a cell, with IPython's own lines (%magic, !command) blanked out."""
    return ast.parse(re.sub(r"^(\s*)[%!].*$", r"\1pass", code, flags=re.MULTILINE))


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


def modules(code: str, package: Path) -> set[Path]:
    """Find the files of rnnlib that the code imports, directly or through one another."""
    found = {package / "__init__.py"}
    waiting = [parse(code)]
    while waiting:
        files = {package / f"{name}.py" for name in imported(waiting.pop())}
        new = {file for file in files if file.exists()} - found
        found |= new
        waiting += [ast.parse(file.read_text()) for file in new]
    return found


def records(code: str, package: Path) -> set[Path]:
    """Find the recorded runs that the code names in a string."""
    strings = {n.value for n in ast.walk(parse(code)) if isinstance(n, ast.Constant)}
    return {p for p in (package / "data" / "recorded").glob("*") if p.stem in strings}


def fingerprint(source: str, bootstrap: str, code: str, root: Path) -> dict[str, str]:
    """Map each thing that a lesson is built from to its hash; `code` is all its cells."""
    package = root / "rnnlib"
    files = modules(code, package) | records(code, package)
    named = {str(file.relative_to(root)): digest(file.read_bytes()) for file in sorted(files)}
    return {"source": digest(source), "bootstrap": digest(bootstrap), **named}


def changed(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Name what differs between two fingerprints; nothing differs in a fresh lesson."""
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
