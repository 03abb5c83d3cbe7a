"""A Sphinx extension that mends each page of the book as it is written.

It keeps links between pages on the site; it gives a lesson the number of its file, and, as lessons
are plain Markdown, the classes that the design needs; it repairs what the theme gets wrong for
screen readers; and it drops scripts that the book does not use.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from docutils.nodes import reference
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors.toctree import TocTreeCollector
from sphinxcontrib.bibtex.plugin import register_plugin
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle

from assemble import ROOT, address

REPAIRS = [
    # A lesson may open with "> **Statement G1.** ...": a quotation on GitHub and Colab.
    (r"<blockquote>(?=\s*<div>\s*<p><strong>Statement)", '<blockquote class="statement">'),
    (r"<blockquote>(?=\s*<div>\s*<p><strong>Predict)", '<blockquote class="predict">'),
    (r"<p>(?=<strong>The statement)", '<p class="statement">'),
    # A section called Predict becomes a box around the question and the cell for the guess.
    (r'<section id="([^"]*)">(?=\s*<h\d>Predict)', r'<section class="predict" id="\1">'),
    # A folded solution says so.
    (
        r'(<div class="cell[^"]*\btag_solution\b[^>]*>\s*<details[^>]*>\s*<summary[^>]*>\s*)'
        r'<p class="collapsed ([^>]*)>[^<]*</p>\s*<p class="expanded ([^>]*)>[^<]*</p>',
        r'\1<p class="collapsed \2>Solution</p><p class="expanded \3>Solution</p>',
    ),
    # The label hid the words that are to be read: "Show this cell's source", "Solution".
    (r'<summary aria-label="Toggle hidden content">', "<summary>"),
    # Entries of a list have to be its items.
    (r'(<div class="citation"[^>]*?) role="doc-biblioentry"', r'\1 role="listitem"'),
    (r'URL: (<a class="reference external")', r"\1"),
]

SCRIPTS = {  # what a page needs if its body has this
    '<section class="predict"': ["predict.js"],
    '<script class="chart"': ["vega/vega.min.js", "vega/vega-lite.min.js", "explore.js"],
    "<text-writer": ["lab/recurrent.js", "lab/writer.js"],
}
WRITERS = {  # before which section of a page the network of lesson 1 may be played with
    "book/intro": ("what-is-asked", " small"),
    "notebooks/01_from_tokens_to_text": ("how-much-is-copied", ""),
    "notebooks/10_loops": ("quality-against-variety", ""),
}
WEIGHTS = "_static/lab/shakespeare.js"


def link_inside(app: Sphinx, page: str, source: list[str]) -> None:
    """Turn a notebook's links to the repository into links to the pages here."""
    if page.startswith("notebooks/"):
        home = re.escape(f"]({address(ROOT, '/blob/')}/") + "(?=(?:book|notebooks)/)"
        source[0] = re.sub(home, "](" + "../" * page.count("/"), source[0])


def number_lessons(self: TocTreeCollector, env: BuildEnvironment) -> list[str]:
    """Give a lesson the number in its file's name, whichever lessons are missing before it.

    In place of Sphinx's count along the table of contents; -> the pages whose number is another.
    """
    before, env.toc_secnumbers = env.toc_secnumbers, {}
    for page, contents in env.tocs.items():
        if not (named := re.match(r"notebooks/(\d\d)_", page)):
            continue
        number, numbers = (int(named[1]),), {}
        for heading in contents.findall(reference):
            place: Any = heading["anchorname"]  # "" is the title
            heading["secnumber"] = numbers[place] = None if place else number
        env.titles[page]["secnumber"], env.toc_secnumbers[page] = number, numbers
    return [page for page, found in env.toc_secnumbers.items() if found != before.get(page)]


def mend(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Repair the body of one page, and leave out the scripts that it does not need."""
    for old, new in REPAIRS:
        context["body"] = re.sub(old, new, context.get("body", ""))
    if page.startswith("notebooks/"):
        context["body"] = with_charts(context["body"], ROOT / f"{page}.ipynb")
    if page in WRITERS:
        section, small = WRITERS[page]
        source = "../" * page.count("/") + WEIGHTS
        writer = f'<text-writer model="shakespeare" src="{source}"{small}></text-writer>'
        before = f'<section id="{section}">'
        context["body"] = context["body"].replace(before, f"{writer}\n{before}")
    for mark, scripts in SCRIPTS.items():
        if mark in context["body"]:
            for script in scripts:
                app.add_js_file(script)
    for kind in ("css_files", "script_files"):
        kept = (file for file in context.get(kind, []) if "thebe" not in describe(file).lower())
        context[kind] = list(kept)


def with_charts(body: str, notebook: Path) -> str:
    """Write the chart of `rnnlib.notebook.explore` behind the figure that has it as metadata.

    MyST-NB names the file of an image by its bytes' hash, which tells which figure it is.
    """
    if not notebook.exists():
        return body
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            if chart := output.get("metadata", {}).get("vega-lite"):
                name = hashlib.sha256(base64.b64decode(output.data["image/png"])).hexdigest()
                text = json.dumps(chart, separators=(",", ":")).replace("<", "\\u003c")
                script = f'<script class="chart" type="application/json">{text}</script>'
                body = re.sub(rf"<img [^>]*{name}[^>]*>", lambda m: m[0] + script, body)  # noqa: B023
    return body


def write_weights(app: Sphinx, failure: Exception | None) -> None:
    """Write the weights of the network in the page, where the record is newer than they are."""
    import lab  # with JAX, which only this needs

    file, sources = Path(app.outdir) / WEIGHTS, (lab.RECORD, Path(lab.__file__))
    newest = max(path.stat().st_mtime for path in sources)
    if failure is None and not (file.exists() and file.stat().st_mtime > newest):
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".part")  # half a file would be newer than the record for ever
        partial.write_text(lab.script())
        partial.replace(file)


def describe(file: Any) -> str:
    """Everything that a stylesheet or script says about itself: its name, or its text."""
    return f"{getattr(file, 'filename', file)} {getattr(file, 'attributes', '')}"


def round_brackets() -> BracketStyle:
    """Brackets as the lessons write them."""
    return BracketStyle(left="(", right=")")


@dataclass
class RoundAuthorYear(AuthorYearReferenceStyle):
    """Elman (1990), and (Elman, 1990)."""

    bracket_parenthetical: BracketStyle = field(default_factory=round_brackets)
    bracket_textual: BracketStyle = field(default_factory=round_brackets)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    register_plugin("sphinxcontrib.bibtex.style.referencing", "author_year_round", RoundAuthorYear)
    TocTreeCollector.assign_section_numbers = number_lessons
    app.connect("source-read", link_inside)
    app.connect("html-page-context", mend, priority=900)
    app.connect("build-finished", write_weights)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
