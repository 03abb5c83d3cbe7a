"""Pins from a Colab session's own words."""

import datetime

import pytest

from colab_pins import PINNED, PINS, PinError, pinned, pins

FREEZE = "Python 3.13.15\n" + "".join(f"{name}==1.{i}\n" for i, name in enumerate(PINNED))


def test_the_committed_pins_are_as_the_tool_writes_them():
    versions = pins()
    freeze = "".join(f"{name}=={version}\n" for name, version in versions.items())
    date = datetime.date.fromisoformat(PINS.read_text().split(" on ")[1][:10])
    assert pinned(f"Python {versions['python']}\n{freeze}", date) == PINS.read_text()


def test_pins_are_picked_out_of_a_freeze():
    noise = "absl-py==1.4.0\ngoogle-colab @ file:///colabtools\njax-cuda12-plugin==9\n"
    shouted = FREEZE.replace("jax==", "Jax==").replace("numpy==1.6", "numpy==1.6+cu12")
    text = pinned(noise + shouted, datetime.date(2027, 1, 2))
    assert text == pinned(FREEZE, datetime.date(2027, 1, 2))
    assert "frozen on 2027-01-02 with Python 3.13.15" in text
    assert text.splitlines()[1:] == [f"{name}==1.{i}" for i, name in enumerate(PINNED)]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (FREEZE.replace("Python 3.13.15\n", ""), "no line `Python 3"),
        (FREEZE.replace("jaxlib==1.4\n", "jaxlib @ file:///x\n"), "no version of jaxlib"),
        ("", "no line"),
    ],
)
def test_another_text_is_refused(wrong, said):
    with pytest.raises(PinError, match=said):
        pinned(wrong, datetime.date(2027, 1, 2))
