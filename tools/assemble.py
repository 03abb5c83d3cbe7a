"""Turn book/lessons/*.md into notebooks, not executed yet, and say which built ones are stale."""

import ast
import posixpath
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from string import Template

import jupytext
import nbformat
import yaml
from jupytext.myst import MystMetadataParsingError
from nbformat import NotebookNode

from fingerprint import changed, digest, fingerprint, parse

ROOT = Path(__file__).resolve().parent.parent
BOOTSTRAP = Path(__file__).with_name("bootstrap.ipy")
PAGE = re.compile(r"(?<=\]\()[\w./-]+\.(?:md|ipynb)(?=[#)])")  # what a link in Markdown leads to


class LessonError(Exception):
    """A lesson did not run to its end; the message says where and why."""


@dataclass(frozen=True)
class Lesson:
    """One lesson of a course: its written source and its built notebook."""

    root: Path
    name: str

    @property
    def source(self) -> Path:
        """The MyST Markdown that people edit."""
        return self.root / "book" / "lessons" / f"{self.name}.md"

    @property
    def notebook(self) -> Path:
        """The executed notebook that people open."""
        return self.root / "notebooks" / f"{self.name}.ipynb"

    def text(self) -> str:
        """Read the source; a byte order mark, which some editors write, is no part of it."""
        return self.source.read_text(encoding="utf-8-sig")

    def prepare(self, notebook: NotebookNode) -> None:
        """Change what the source says before it becomes a notebook: in a lesson, nothing."""


def find(root: Path, wanted: list[str]) -> list[Lesson]:
    """Find the lessons whose names begin with a wanted word (`01`); all, if none is given."""
    names = sorted(path.stem for path in (root / "book" / "lessons").glob("[0-9]*.md"))
    for word in wanted:
        if not any(name.startswith(word) for name in names):
            raise SystemExit(f"no lesson begins with {word!r}; there are: {', '.join(names)}")
    return [Lesson(root, n) for n in names if not wanted or n.startswith(tuple(wanted))]


def address(root: Path, between: str = "@") -> str:
    """Read in _config.yml where the library is fetched from: the repository, at a tag."""
    repository = yaml.safe_load((root / "_config.yml").read_text())["repository"]
    return f"{repository['url']}{between}{repository['branch']}"


def bootstrap(root: Path, gains: bool = False) -> str:
    """Write the first code cell; `gains` says that the notebook gains from a GPU."""
    return Template(BOOTSTRAP.read_text().strip()).substitute(address=address(root), gains=gains)


def assemble(lesson: Lesson) -> NotebookNode:
    """Turn a lesson's source into an unexecuted notebook, fingerprint included.

    Raises: LessonError (a syntax error, in the lesson or in a module that it imports, an import of
    rnnlib that leads nowhere, or a cell's header that is not YAML).
    """
    source = lesson.text()
    try:
        notebook = jupytext.reads(source, fmt="md:myst")
    except MystMetadataParsingError as error:  # most often a colon in an unquoted caption
        raise LessonError(f"{lesson.source.name}: a cell's header is not YAML\n{error}") from None
    lesson.prepare(notebook)
    # Before the first code cell, not at the top: a notebook opens with its title.
    at = next((i for i, c in enumerate(notebook.cells) if c.cell_type == "code"), 0)
    larger = notebook.metadata.get("larger")  # the name in the one line to edit for a larger run
    first = bootstrap(lesson.root, gains=bool(larger))
    cell = nbformat.v4.new_code_cell(first, metadata={"tags": ["remove-cell"]})
    notebook.cells.insert(at, cell)
    fold_imports(notebook, at + 1)
    fold_solutions(notebook)
    link_home(notebook, lesson)
    number_cells(notebook)
    cells = [parsed(notebook, i, lesson) for i in range(len(notebook.cells))]
    texts = {"source": source, "bootstrap": BOOTSTRAP.read_text(), "address": address(lesson.root)}
    try:
        built_from = fingerprint(texts, cells, lesson.root)
    except SyntaxError as error:
        raise LessonError(f"{error.filename}:{error.lineno}\n{error.msg}") from None
    except LookupError as error:
        raise LessonError(f"an import of rnnlib leads nowhere: {error.args[0]}") from None
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "pygments_lexer": "ipython3"},
        "rnnlib": {"fingerprint": built_from} | ({"larger": larger} if larger else {}),
    }
    return notebook


def parsed(notebook: NotebookNode, at: int, lesson: Lesson) -> ast.Module:
    """Parse one cell; what is not code holds nothing."""
    cell = notebook.cells[at]
    try:
        return parse(cell.source if cell.cell_type == "code" else "")
    except SyntaxError as error:
        where = place(notebook, at, lesson, error.lineno or 1)
        raise LessonError(f"{where}\nSyntaxError: {error.msg}") from None


def fold_imports(notebook: NotebookNode, at: int) -> None:
    """Fold the imports on the site: a list that nobody reads would stand before the first idea."""
    later = [cell for cell in notebook.cells[at:] if cell.cell_type == "code"]
    if later and later[0].source.startswith(("import ", "from ")):
        later[0].metadata["tags"] = sorted({*later[0].metadata.get("tags", []), "hide-input"})


def fold_solutions(notebook: NotebookNode) -> None:
    """Fold the cells tagged `solution` on the site, in JupyterLab and on Colab."""
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "solution" in tags:
            cell.metadata["tags"] = sorted({*tags, "hide-cell"})
            if cell.cell_type == "code":
                cell.metadata["jupyter"] = {"source_hidden": True}
                cell.metadata["cellView"] = "form"


def link_home(notebook: NotebookNode, lesson: Lesson) -> None:
    """Let links to the course's pages lead to its repository: a notebook on Colab is alone.

    On the site book_site.py turns them back.
    """
    home, folder = address(lesson.root, "/blob/"), lesson.notebook.parent.relative_to(lesson.root)

    def away(link: re.Match[str]) -> str:
        return f"{home}/{posixpath.normpath(folder / link[0])}"

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = PAGE.sub(away, cell.source)


def number_cells(notebook: NotebookNode) -> None:
    """Derive each cell's id from what it says, so that a rebuild changes no other cell's id."""
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        key = digest(cell.cell_type + cell.source)[:8]
        cell.id = f"{key}-{seen[key]}" if seen[key] else key
        seen[key] += 1


def stale(lesson: Lesson) -> list[str]:
    """Name what has changed since the notebook was built; empty when it is fresh.

    Raises: LessonError (a syntax error).
    """
    now = assemble(lesson).metadata["rnnlib"]["fingerprint"]
    if not lesson.notebook.exists():
        return ["not built yet"]
    built = nbformat.read(lesson.notebook, as_version=4).metadata.get("rnnlib", {})
    return changed(built.get("fingerprint", {}), now)


def place(notebook: NotebookNode, at: int, lesson: Lesson, inside: int) -> str:
    """Name a cell, and a line in it (from 1) by its place in the lesson's source, quoted."""
    position, source = 0, lesson.text()
    for cell in notebook.cells[: at + 1]:  # equal cells are told apart by walking through all
        position = max(source.find(cell.source, position), position)
    line = source[:position].count("\n") + inside
    where = f"cell {at + 1} ({lesson.source.relative_to(lesson.root)}:{line})"
    quoted = source.splitlines()[line - 1].strip()
    return f"{where} failed\n    {quoted}"
