"""A new lesson is written, and entered wherever lessons are listed."""

import re
import shutil

import nbformat
import pytest
import test_book
import test_lessons
import yaml

from assemble import ROOT, Lesson
from lessons import build
from new_lesson import new_lesson


def test_a_new_lesson_is_entered_after_the_last(tmp_path):
    toc, intro = tmp_path / "_toc.yml", tmp_path / "book" / "intro.md"
    intro.parent.mkdir()
    intro.write_text("1. [A](../notebooks/01_a.ipynb)\n2. The words *to come*\n12. B *to come*\n")
    toc.write_text("root: a\nchapters:\n  - file: notebooks/01_a\n  - file: book/b\n")
    source = new_lesson("02_long_words", tmp_path)
    assert source.read_text().count("\n# Long words\n") == 1
    assert yaml.safe_load(toc.read_text())["chapters"][1] == {"file": "notebooks/02_long_words"}
    link = "2. [The words](../notebooks/02_long_words.ipynb)"
    assert intro.read_text().splitlines()[1:] == [link, "12. B *to come*"]
    with pytest.raises(ValueError, match="lesson 02 exists already: 02_long_words"):
        new_lesson("02_other", tmp_path)
    with pytest.raises(ValueError, match="is like 03_gradients_that_vanish, got '3-Gradients'"):
        new_lesson("3-Gradients", tmp_path)


def test_lessons_stand_in_the_order_of_their_numbers_whichever_is_written_first(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "_toc.yml").write_text(
        "root: a\nchapters:\n  - file: notebooks/03_c\n  - file: b\n"
    )
    (tmp_path / "book" / "intro.md").write_text("9. Nine *to come*\n10. Ten *to come*\n")
    for name in ("10_x", "08_y", "01_z"):
        new_lesson(name, tmp_path)
    chapters = yaml.safe_load((tmp_path / "_toc.yml").read_text())["chapters"]
    files = [chapter["file"].removeprefix("notebooks/") for chapter in chapters]
    assert files == ["01_z", "03_c", "08_y", "10_x", "b"]
    intro = (tmp_path / "book" / "intro.md").read_text()
    assert intro == "9. Nine *to come*\n10. [Ten](../notebooks/10_x.ipynb)\n"


def test_this_book_agrees_with_itself_after_a_new_lesson(tmp_path, monkeypatch):
    """As test_book checks it: the map of lessons links what the table of contents names."""
    (tmp_path / "book").mkdir()
    last = max(int(name[10:12]) for name in test_book.toc() if re.match(r"notebooks/\d", name))
    toc, intro = ((test_book.ROOT / file).read_text() for file in ("_toc.yml", "book/intro.md"))
    (tmp_path / "_toc.yml").write_text(re.sub(rf".*notebooks/{last:02}_.*\n", "", toc))
    to_come = re.sub(rf"(?m)^{last}\. \[(.+)\]\(.+\)$", rf"{last}. \1 *to come*", intro)
    assert to_come != intro
    (tmp_path / "book" / "intro.md").write_text(to_come)
    new_lesson(f"{last:02}_the_next", tmp_path)
    monkeypatch.setattr(test_book, "ROOT", tmp_path)
    monkeypatch.setattr(test_book, "BOOK", tmp_path / "book")
    test_book.test_the_map_of_lessons_marks_what_is_to_come()


@pytest.mark.slow
def test_a_new_lesson_is_whole(tmp_path):
    """Recorded, executed, and in the form of every lesson, before a word of it is changed."""
    shutil.copytree(ROOT / "rnnlib", tmp_path / "rnnlib", ignore=shutil.ignore_patterns("recorded"))
    (tmp_path / "book").mkdir()
    for file in ("_config.yml", "_toc.yml", "book/intro.md"):
        shutil.copy(ROOT / file, tmp_path / file)
    lesson = Lesson(tmp_path, new_lesson("99_the_next", tmp_path).stem)
    build(lesson, record="1")
    lesson.source.write_text(lesson.text().replace("LIVE = True", "LIVE = False"))
    build(lesson)
    cells = nbformat.read(lesson.notebook, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    for check in (
        test_lessons.test_notebook_ran_to_its_end,
        test_lessons.test_notebook_is_quiet,
        test_lessons.test_cells_are_short,
        test_lessons.test_tags_are_known,
        test_lessons.test_figures_have_alt_text,
    ):
        check(code)
    test_lessons.test_prose_is_plain_markdown(cells)
    test_lessons.test_exercises_have_folded_solutions(cells)
    assert len(test_lessons.predictions(cells)) == 2
    assert not test_lessons.told(cells)
    outputs = [output for cell in code for output in cell.outputs]
    assert sum("vega-lite" in output.get("metadata", {}) for output in outputs) == 1
    assert sum("<table>" in output.get("data", {}).get("text/html", "") for output in outputs) == 1
