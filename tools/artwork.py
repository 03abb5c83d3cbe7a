"""Draw the logo, the favicon and the cover: `python tools/artwork.py` writes them to book/_static.

The motif is the course's question. A row of cells hands a memory on, and it fades; an arc goes
straight back to where it came from. Colours are the page's own variables where the drawing stands
inline, with fallbacks that hold on light and dark ground where it is shown as a file.
"""

from pathlib import Path

STATIC = Path(__file__).resolve().parents[1] / "book" / "_static"
SENTENCE = "The dog that chased the cat that ran across the garden barked"
WORDS = SENTENCE.split()
SUBJECT, VERB = 1, 11
PETROL, EMBER = "#1c8088", "#c8643c"
DECAY = 0.68  # how much of the memory each drawn step keeps

COVER_STYLE = """<style>
.cover text { font: 500 17px "Source Serif 4", Georgia, serif; fill: var(--course-ink, #84898f); }
.cover .note { font: 500 14px "Instrument Sans", system-ui, sans-serif; }
.cover .note { fill: var(--course-muted, #84898f); }
.cover .key { font-weight: 700; }
.cover .rail { stroke: var(--course-rule, #84898f); stroke-width: 1.5; fill: none; }
.cover .cell { fill: var(--course-ground, none); }
.cover .cell { stroke: var(--course-rule, #84898f); stroke-width: 1.5; }
.cover .memory { fill: var(--course-ember, #c8643c); }
.cover .arc { stroke: var(--course-petrol, #1c8088); stroke-width: 2.5; fill: none; }
.cover .head { fill: var(--course-petrol, #1c8088); }
</style>"""

LABEL = (
    f"The sentence '{SENTENCE}' beside a row of twelve cells. The memory of the dog, bright in its "
    "own cell, fades from cell to cell and is almost gone at 'barked'; "
    "an arc leads from 'barked' straight back to 'dog'."
)


def memory(step: int) -> float:
    """Share of the subject that the drawn state still holds at this word."""
    return 0.0 if step < SUBJECT else DECAY ** (step - SUBJECT)


def circle(kind: str, x: float, y: float, r: float, opacity: float = 1.0) -> str:
    """One cell, or the memory in it."""
    faded = f' opacity="{opacity:.3f}"' if opacity < 1 else ""
    return f'<circle class="{kind}" cx="{x:g}" cy="{y:g}" r="{r:g}"{faded}/>'


def path(kind: str, d: str) -> str:
    """One line or filled shape."""
    return f'<path class="{kind}" d="{d}"/>'


def text(kind: str, x: float, y: float, words: str, anchor: str = "middle") -> str:
    """One piece of text."""
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:g}" y="{y:g}" text-anchor="{anchor}">{words}</text>'


def cell(i: int, x: float, y: float, r: float) -> list[str]:
    """Draw a cell, with what it still remembers of the subject."""
    filled = [circle("memory", x, y, r, memory(i))] if memory(i) > 0 else []
    return [circle("cell", x, y, r), *filled]


def key(i: int) -> str:
    """Name the class of a word: the subject and its verb stand out."""
    return "key" if i in (SUBJECT, VERB) else ""


def mark(scale: float = 1.0) -> str:
    """Draw the mark: four cells in a row, fading to the left, and the arc back over them."""
    style = f"<style>circle {{ fill: {PETROL} }} path {{ fill: none; stroke: {EMBER}; "
    style += f"stroke-width: {4 * scale:g}; stroke-linecap: round }}</style>"
    cells = [(9, 3.6, 0.35), (23, 4.8, 0.55), (38, 6.0, 0.8), (54, 7.2, 1.0)]
    circles = [circle("cell", x, 45, r * scale, opacity) for x, r, opacity in cells]
    return frame([style, path("arc", "M54 31 C 50 8, 14 8, 9.5 34"), *circles], 64, 64)


def cover() -> str:
    """Draw the wide cover: words along the time axis, the memory fading above them."""
    gap, left, y = 66, 36, 150
    xs = [left + gap * i for i in range(len(WORDS))]
    parts = [COVER_STYLE, path("rail", f"M{xs[0]} {y} H{xs[-1]}")]
    for i, (x, word) in enumerate(zip(xs, WORDS, strict=True)):
        parts += [*cell(i, x, y, 15), text(key(i), x, y + 44, word)]
    a, b = xs[SUBJECT], xs[VERB]
    parts += [
        path("arc", f"M{b} {y - 20} C {b - 60} 8, {a + 60} 8, {a + 3} {y - 27}"),
        path("head", f"M{a} {y - 18} l-4 -13 l12 3 z"),
        text("note", (a + b) / 2, 66, "attention: one step"),
        text("note", (a + b) / 2, y - 28, "recurrence: ten steps"),
    ]
    return frame(parts, 2 * left + gap * (len(WORDS) - 1), 208, "cover cover--wide")


def cover_narrow() -> str:
    """Draw the same for a phone: time runs down, the arc climbs back on the right."""
    gap, top, x = 36, 24, 40
    ys = [top + gap * i for i in range(len(WORDS))]
    parts = [COVER_STYLE, path("rail", f"M{x} {ys[0]} V{ys[-1]}")]
    for i, (y, word) in enumerate(zip(ys, WORDS, strict=True)):
        parts += [*cell(i, x, y, 12), text(key(i), x + 28, y + 6, word, "start")]
    a, b = ys[SUBJECT], ys[VERB]
    bend = f"{x + 190} {b - 70}, {x + 190} {a + 70}"
    parts += [
        path("arc", f"M{x + 90} {b} C {bend}, {x + 74} {a + 3}"),
        path("head", f"M{x + 66} {a} l13 -5 l-3 12 z"),
        text("note", x + 172, (a + b) / 2 - 4, "attention:", "start"),
        text("note", x + 172, (a + b) / 2 + 13, "one step", "start"),
    ]
    return frame(parts, 290, 2 * top + gap * (len(WORDS) - 1), "cover cover--narrow")


def frame(parts: list[str], width: float, height: float, name: str = "") -> str:
    """Wrap drawn parts into one SVG; a named one says what it shows."""
    said = f' class="{name}" role="img" aria-label="{LABEL}"' if name else ""
    box = f'viewBox="0 0 {width:g} {height:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg"{said} {box}>'
    return "\n".join([head, *parts, "</svg>", ""])


def main() -> None:
    """Write every drawing."""
    drawings = {
        "logo.svg": mark(),
        "favicon.svg": mark(1.25),
        "cover.svg": cover(),
        "cover-narrow.svg": cover_narrow(),
    }
    for name, drawing in drawings.items():
        (STATIC / name).write_text(drawing)


if __name__ == "__main__":
    main()
