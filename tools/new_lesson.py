"""Start a lesson: tools/new_lesson.py 03_gradients_that_vanish."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = Path(__file__).with_name("lesson_template.md")


def new_lesson(name: str, root: Path = ROOT) -> Path:
    """Write a lesson's source from the template; enter it in _toc.yml and in book/intro.md's map.

    Raises: ValueError (a name that is not like 03_gradients_that_vanish, or is taken).
    """
    if not re.fullmatch(r"\d\d_[a-z0-9]+(_[a-z0-9]+)*", name):
        raise ValueError(f"a lesson's name is like 03_gradients_that_vanish, got {name!r}")
    taken = [p.stem for p in (root / "book" / "lessons").glob(f"{name[:2]}_*.md")]
    if taken:
        raise ValueError(f"lesson {name[:2]} exists already: {taken[0]}")
    source = root / "book" / "lessons" / f"{name}.md"
    source.parent.mkdir(parents=True, exist_ok=True)
    title = name[3:].replace("_", " ").capitalize()
    source.write_text(TEMPLATE.read_text().replace("NUMBER", name[:2]).replace("TITLE", title))
    enter(name, root / "_toc.yml")
    link(name, root / "book" / "intro.md")
    return source


def enter(name: str, toc: Path) -> None:
    """Add the notebook below the lesson before it in the contents (move it to its part)."""
    lines = toc.read_text().splitlines()
    found = enumerate(re.search(r"file: notebooks/(\d\d)_", line) for line in lines)
    lessons = {place: match[1] for place, match in found if match}
    lower = [place for place, number in lessons.items() if number < name[:2]]
    indent = lines[min(lessons)].partition("-")[0]
    lines.insert(max(lower, default=min(lessons) - 1) + 1, f"{indent}- file: notebooks/{name}")
    toc.write_text("\n".join(lines) + "\n")


def link(name: str, intro: Path) -> None:
    """Turn the lesson's line in the map of lessons, `3. Title *to come*`, into a link."""
    line = rf"^({int(name[:2])}\. )(.+) \*to come\*$"
    linked = rf"\1[\2](../notebooks/{name}.ipynb)"
    intro.write_text(re.sub(line, linked, intro.read_text(), count=1, flags=re.MULTILINE))


if __name__ == "__main__":
    try:
        path = new_lesson(sys.argv[1])
    except ValueError as error:
        sys.exit(str(error))
    print(f"Written: {path.relative_to(ROOT)}, its line in _toc.yml (move it to its part),")
    print("and its link in book/intro.md.")
    number = path.stem[:2]
    print("It is a small whole lesson. Next: edit it, and then")
    print(f"  make lessons LESSON={number}, make record LESSON={number}, make book")
