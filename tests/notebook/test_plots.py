"""The style: colours that everyone can tell apart, labels that do not overlap, clear refusals."""

import itertools
import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from assemble import ROOT
from rnnlib.notebook import plots
from rnnlib.training.tuning import Search

mpl.use("Agg")
PAGES = {"white": "#ffffff", "near black": "#14181e", "card": plots.CARD}
# Linear RGB seen with one kind of cone missing: Machado, Oliveira & Fernandes 2009, severity 1.
VISIONS = {
    "usual": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
COLOURED = {name: look.colour for name, look in plots.LOOKS.items() if name != "oracle"}


@pytest.fixture(autouse=True)
def _style():
    with mpl.rc_context():
        plots.use_style()
        yield
    plt.close("all")


def oklab(colour, vision):
    """Ottosson 2020: a space in which distances are about what the eye sees."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lms = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return lab @ np.cbrt(lms @ np.clip(vision @ linear, 0, 1))


@pytest.mark.parametrize("vision", VISIONS)
def test_colours_stay_apart(vision):
    seen = {c: oklab(c, np.array(VISIONS[vision])) for c in set(COLOURED.values())}
    for one, other in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 0.09, (vision, one, other)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", COLOURED)
def test_colours_have_contrast_on_every_page(name, page):
    assert plots.contrast(COLOURED[name], PAGES[page]) >= 3


def turned_over(colour):
    """What the site's filter makes of a colour on a dark page: invert(1) hue-rotate(180deg)."""
    luminance = np.array([0.213, 0.715, 0.072])  # Filter Effects Module Level 1, W3C
    return np.clip((2 * luminance - np.eye(3)) @ (1 - np.array(to_rgb(colour))), 0, 1)


@pytest.mark.parametrize("name", COLOURED)
def test_figures_have_contrast_on_the_dark_page(name):
    style = (ROOT / "book" / "_static" / "course.css").read_text()
    assert "filter: invert(1) hue-rotate(180deg)" in style
    ground = re.search(r'data-theme="dark"\] \{\s*--course-ground: (#\w{6})', style)[1]
    assert plots.contrast(turned_over(COLOURED[name]), ground) >= 3
    assert plots.contrast(turned_over(plots.ink(COLOURED[name])), ground) >= 4.5
    assert (turned_over(plots.CARD) < to_rgb(ground)).all()  # blended by `lighten`: the page's own


def test_text_is_legible_on_the_card():
    assert plots.contrast("black", "white") == pytest.approx(21)
    assert plots.contrast(plots.INK, plots.CARD) > 12
    for look in plots.LOOKS.values():
        assert plots.contrast(plots.ink(look.colour), plots.CARD) >= 4.5


def test_each_marker_can_be_written():
    assert {look.marker for look in plots.LOOKS.values()} == set(plots.GLYPHS)
    figure = plt.figure()
    figure.text(0, 0, "".join(plots.GLYPHS.values()))
    figure.draw_without_rendering()  # a glyph that the font lacks would warn, and fail


def test_each_architecture_has_its_own_marker():
    markers = [look.marker for look in plots.LOOKS.values()]
    assert len(set(markers)) == len(markers)


def test_text_is_large_enough_for_a_phone():
    pixels = {
        k: v * 330 / (plots.WIDTH * 72)
        for k, v in plots.STYLE.items()
        if "size" in k[-9:] and isinstance(v, float | int) and "marker" not in k
    }
    assert min(pixels.values()) > 8.5, pixels


def test_seeds_draws_every_seed_and_the_median():
    _, ax = plots.panels()
    values = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 9.0], [2.0, 5.0, 6.0]])
    median = plots.seeds(ax, [1, 2, 3], values, architecture="GRU")
    assert np.asarray(median.get_ydata()).tolist() == [2.0, 2.0, 6.0]
    assert median.get_label() == "GRU"
    thin = [line for line in ax.get_lines() if line is not median]
    assert [np.asarray(line.get_ydata()).tolist() for line in thin] == values.tolist()
    assert {line.get_color() for line in ax.get_lines()} == {plots.LOOKS["GRU"].colour}


def test_dots_hide_no_seed():
    _, ax = plots.panels()
    plots.dots(ax, 2, [0.5, 0.5, 0.5, 0.7], "RNN")
    assert len(set(np.asarray(ax.get_lines()[0].get_xdata()).tolist())) == 4


def test_labels_do_not_overlap_and_keep_their_order():
    figure, ax = plots.panels()
    for i, name in enumerate(["RNN", "GRU", "LSTM", "Transformer"]):
        plots.seeds(ax, np.arange(1, 50), np.full((3, 49), 1 + i / 1000), architecture=name)
    ax.set(xscale="log", yscale="log", ylim=(0.5, 3))
    plots.label_lines(ax)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in ax.texts]  # without the leader
    assert [text.get_text() for text in ax.texts] == ["▼ RNN", "▲ GRU", "● LSTM", "◆ Transformer"]
    for below, above in itertools.pairwise(boxes):
        assert below.y1 <= above.y0 + 1
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([0, 10], [0, 10]),
        ([5, 5], [4.5, 5.5]),
        ([1, 1, 1], [0, 1, 2]),
        ([3, 0], [3, 0]),
        ([-20, -20], [-9, -8]),
    ],
)
def test_spread_moves_as_little_as_needed(places, expected):
    np.testing.assert_allclose(plots._spread(places, 1.0, -9, 11), expected)


def test_level_names_its_line():
    _, ax = plots.panels()
    plots.level(ax, 0.125, "chance", side="right")
    assert ax.texts[0].get_text() == "chance"
    with pytest.raises(ValueError, match="side must be"):
        plots.level(ax, 0.125, "chance", side="top")


def test_bad_input_is_refused():
    _, ax = plots.panels()
    with pytest.raises(ValueError, match=r"values must be \[seeds, 3\] for x \(3,\), got \(2, 4\)"):
        plots.seeds(ax, [1, 2, 3], np.zeros((2, 4)))
    with pytest.raises(ValueError, match="must be finite, got 1"):
        plots.seeds(ax, [1, 2], [[1.0, np.nan]])
    with pytest.raises(ValueError, match="must be finite"):
        plots.dots(ax, 0, [np.inf])
    with pytest.raises(ValueError, match="no look for architecture 'S4'; there are n-gram"):
        plots.seeds(ax, [1], [[1.0]], architecture="S4")
    with pytest.raises(ValueError, match=r"must be \[seeds\]"):
        plots.dots(ax, 0, [])
    with pytest.raises(ValueError, match="no labelled line"):
        plots.label_lines(plots.panels()[1])
    with pytest.raises(ValueError, match="at least one panel"):
        plots.panels(0)


def test_sweeps_show_every_seed_and_ring_the_best_rate():
    inside = Search(np.array([0.1, 0.2, 0.4]), np.array([[2.0, 3.0], [1.0, 1.2], [np.inf, 1.1]]))
    edge = Search(np.array([0.1, 0.2]), np.array([[2.0, 2.2], [0.9, 1.1]]))
    _, ax = plots.panels()
    plots.sweeps(ax, {"300 steps": edge, "1,000 steps": inside}, "GRU")
    seeds, lines = ax.get_lines()[3:5], [ax.get_lines()[2], ax.get_lines()[5]]
    np.testing.assert_array_equal(
        [dots.get_ydata() for dots in seeds], [[2, 1, np.nan], [3, 1.2, 1.1]]
    )
    assert [line.get_label() for line in lines] == ["300 steps", "1,000 steps"]
    assert [line.get_linestyle() for line in lines] == ["-", "--"]
    np.testing.assert_allclose(lines[1].get_ydata(), [2.5, 1.1, np.nan])
    rings = [
        (*ring.get_offsets()[0], ring.get_linestyle()[0][1] is None) for ring in ax.collections
    ]
    np.testing.assert_allclose(rings, [(0.2, 1.0, False), (0.2, 1.1, True)])
    assert ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0.1", "0.2", "0.4"]
    plots.label_lines(ax)


def test_sweeps_of_models_look_like_the_models():
    search = Search(np.array([0.1, 0.2, 0.4]), np.array([[2.0], [1.0], [1.5]]))
    _, ax = plots.panels()
    plots.sweeps(ax, dict.fromkeys(("RNN", "LSTM, bias 0", "LSTM, bias 1"), search))
    assert [(line.get_color(), line.get_linestyle()) for line in ax.get_lines()] == [
        (plots.look("RNN").colour, "-"),
        (plots.look("LSTM").colour, "-"),
        (plots.look("LSTM").colour, "--"),
    ]
    with pytest.raises(ValueError, match="no look for architecture '300 steps'"):
        plots.sweeps(ax, {"300 steps": search})
