"""A new lesson is written, and entered wherever lessons are listed."""

import pytest
import yaml

from new_lesson import new_lesson


def test_a_new_lesson_is_entered_after_the_last(tmp_path):
    toc = tmp_path / "_toc.yml"
    toc.write_text("root: a\nchapters:\n  - file: notebooks/01_a\n  - file: book/b\n")
    source = new_lesson("02_long_words", tmp_path)
    assert source.read_text().count("\n# Long words\n") == 1
    assert yaml.safe_load(toc.read_text())["chapters"][1] == {"file": "notebooks/02_long_words"}
    with pytest.raises(ValueError, match="lesson 02 exists already: 02_long_words"):
        new_lesson("02_other", tmp_path)
    with pytest.raises(ValueError, match="is like 03_gradients_that_vanish, got '3-Gradients'"):
        new_lesson("3-Gradients", tmp_path)
