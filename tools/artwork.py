"""Draw the logo, the favicon and the cover: `python tools/artwork.py` writes them to book/_static.

The motif is the course's question. A row of cells hands a memory on, and it fades; an arc goes
straight back to where it came from. Colours are the page's own variables where the drawing stands
inline, with fallbacks that hold on light and dark ground where it is shown as a file.
"""

from pathlib import Path

STATIC = Path(__file__).resolve().parents[1] / "book" / "_static"
WORDS = "The dog that chased the cat that ran across the garden barked".split()
SUBJECT, VERB = 1, 11
PETROL, EMBER, GREY = "#1c8088", "#c8643c", "#84898f"
DECAY = 0.68  # how much of the memory each drawn step keeps

COVER_STYLE = """
<style>
.cover text { font: 500 17px "Source Serif 4", Georgia, serif; fill: var(--course-ink, #84898f); }
.cover .note { font: 500 14px "Instrument Sans", system-ui, sans-serif; fill: var(--course-muted, #84898f); }
.cover .key { font-weight: 700; }
.cover .rail { stroke: var(--course-rule, #84898f); stroke-width: 1.5; fill: none; }
.cover .cell { fill: var(--course-ground, none); stroke: var(--course-rule, #84898f); stroke-width: 1.5; }
.cover .memory { fill: var(--course-ember, #c8643c); }
.cover .arc { stroke: var(--course-petrol, #1c8088); stroke-width: 2.5; fill: none; }
.cover .head { fill: var(--course-petrol, #1c8088); }
</style>"""

LABEL = (
    "The sentence 'The dog that chased the cat that ran across the garden barked' under a row of twelve cells. "
    "The memory of the dog, bright in its own cell, fades from cell to cell and is almost gone at 'barked'; "
    "an arc leads from 'barked' straight back to 'dog'."
)


def memory(step: int) -> float:
    """Share of the subject that the drawn state still holds at this word."""
    return 0.0 if step < SUBJECT else DECAY ** (step - SUBJECT)


def mark(size: int, scale: float = 1.0) -> str:
    """The mark: four cells in a row, fading to the left, and the arc back over them."""
    cells = [(9, 3.6, 0.35), (23, 4.8, 0.55), (38, 6.0, 0.8), (54, 7.2, 1.0)]
    circles = "".join(f'<circle cx="{x}" cy="45" r="{r * scale:g}" fill="{PETROL}" opacity="{o}"/>' for x, r, o in cells)
    arc = f'<path d="M54 31 C 50 8, 14 8, 9.5 34" fill="none" stroke="{EMBER}" stroke-width="{4 * scale:g}" stroke-linecap="round"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="{size}" height="{size}">{arc}{circles}</svg>\n'
    )


def cover() -> str:
    """The wide cover: words along the time axis, the memory fading above them."""
    gap, left, y = 66, 36, 150
    xs = [left + gap * i for i in range(len(WORDS))]
    parts = [f'<path class="rail" d="M{xs[0]} {y} H{xs[-1]}"/>']
    for i, (x, word) in enumerate(zip(xs, WORDS, strict=True)):
        parts.append(f'<circle class="cell" cx="{x}" cy="{y}" r="15"/>')
        if memory(i) > 0:
            parts.append(f'<circle class="memory" cx="{x}" cy="{y}" r="15" opacity="{memory(i):.3f}"/>')
        key = ' class="key"' if i in (SUBJECT, VERB) else ""
        parts.append(f'<text{key} x="{x}" y="{y + 44}" text-anchor="middle">{word}</text>')
    a, b = xs[SUBJECT], xs[VERB]
    parts.append(f'<path class="arc" d="M{b} {y - 20} C {b - 60} 8, {a + 60} 8, {a + 3} {y - 27}"/>')
    parts.append(f'<path class="head" d="M{a} {y - 18} l-4 -13 l12 3 z"/>')
    parts.append(f'<text class="note" x="{(a + b) / 2}" y="66" text-anchor="middle">attention: one step</text>')
    parts.append(f'<text class="note" x="{(a + b) / 2}" y="{y - 28}" text-anchor="middle">recurrence: ten steps</text>')
    return frame(parts, 2 * left + gap * (len(WORDS) - 1), 208, "cover cover--wide")


def cover_narrow() -> str:
    """The same for a phone: time runs down, the arc climbs back on the right."""
    gap, top, x = 36, 24, 40
    ys = [top + gap * i for i in range(len(WORDS))]
    parts = [f'<path class="rail" d="M{x} {ys[0]} V{ys[-1]}"/>']
    for i, (y, word) in enumerate(zip(ys, WORDS, strict=True)):
        parts.append(f'<circle class="cell" cx="{x}" cy="{y}" r="12"/>')
        if memory(i) > 0:
            parts.append(f'<circle class="memory" cx="{x}" cy="{y}" r="12" opacity="{memory(i):.3f}"/>')
        key = ' class="key"' if i in (SUBJECT, VERB) else ""
        parts.append(f'<text{key} x="{x + 28}" y="{y + 6}">{word}</text>')
    a, b = ys[SUBJECT], ys[VERB]
    parts.append(f'<path class="arc" d="M{x + 86} {b} C {x + 190} {b - 70}, {x + 190} {a + 70}, {x + 74} {a + 3}"/>')
    parts.append(f'<path class="head" d="M{x + 66} {a} l13 -5 l-3 12 z"/>')
    middle = (a + b) / 2
    parts.append(f'<text class="note" x="{x + 172}" y="{middle - 4}">attention:</text>')
    parts.append(f'<text class="note" x="{x + 172}" y="{middle + 13}">one step</text>')
    return frame(parts, 290, 2 * top + gap * (len(WORDS) - 1), "cover cover--narrow")


def frame(parts: list[str], width: float, height: float, name: str) -> str:
    """Wrap drawn parts into one accessible SVG."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="{name}" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{LABEL}">'
    return "\n".join([head + COVER_STYLE, *parts, "</svg>", ""])


def main() -> None:
    """Write every drawing."""
    drawings = {"logo.svg": mark(64), "favicon.svg": mark(64, 1.25), "cover.svg": cover(), "cover-narrow.svg": cover_narrow()}
    for name, drawing in drawings.items():
        (STATIC / name).write_text(drawing)


if __name__ == "__main__":
    main()
