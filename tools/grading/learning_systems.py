"""Who handed in what, read from names alone: each learning system has its own way of naming."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import pairwise, takewhile
from typing import NamedTuple

from grading.names import form, in_order, key

Parts = tuple[str, ...]  # a path below the folder of hand-ins, from its first folder to its file
COPY = re.compile(  # what browsers, Jupyter, Colab and Windows make of a name that is taken
    r"^((copy of|kopie von|copie de|c[oó]pia de) )+"
    r"|( ?\(\d+\)|[-_ ]+(copy|kopie|copie|c[oó]pia)[- ]?\d*)+$",
    re.IGNORECASE,
)
UNSURE = "in this file's name it cannot be told which number is Canvas's user ID: nobody's is used"
TEAM = re.compile(r"team \d+", re.IGNORECASE)


class Layout(NamedTuple):
    """How a system names what it lets a teacher download."""

    system: str
    where: str  # which names: of a "file", a "folder", or "both"
    pattern: re.Pattern
    example: str


class Owner(NamedTuple):
    """Whose a file is, and what its name says of it."""

    system: str  # "folder": one that is named after a person; "": nothing but the file's own name
    who: str
    identifier: str = ""
    also: tuple[str, ...] = ()  # further names by which a roster may list this person
    when: str = ""  # a number, a date or nothing: the larger, the later
    kind: str = ""
    team: str = ""
    doubt: str = ""  # what is not clear about it
    same: str = ""  # equal for all that one person handed in


def _layout(system: str, where: str, pattern: str, example: str) -> Layout:
    return Layout(system, where, re.compile(pattern, re.IGNORECASE | re.DOTALL), example)


# Read in the sources of Moodle (mod/assign/classes/downloader.php), Canvas (ContentZipper) and
# ILIAS (ilExSubmission), and in scripts that teachers published for Blackboard and Brightspace.
# Not confirmed: Canvas's anon_, and whose number the first of Brightspace's two is.
LAYOUTS = [
    _layout(
        "moodle",
        "both",
        r"(?P<who>.+?)(_(?P<id>\d+))?_assignsubmission_(?P<kind>[a-z]+)(_.*)?",
        "John Roe_78_assignsubmission_file_",
    ),
    _layout(
        "brightspace",
        "both",
        r"(?P<id>\d+-\d+) - ((?P<team>.+?) - )??(?P<who>((?! - ).)+)"
        r" - (?P<when>[^-]*?\d{4} \d{3,4} ?[ap]m)( - .*)?",
        "12345-67890 - Roe, John - Nov 27, 2026 1159 PM - hw2.ipynb",
    ),
    _layout(
        "blackboard",
        "file",
        r"(?P<same>.+?_(?P<who>[^_]+))_attempt_(?P<when>\d{4}(-\d\d){5})(_.+|(?P<kind>\.txt))",
        "HW2_jroe_attempt_2026-11-27-11-59-00_hw2.ipynb",
    ),
    _layout(
        "canvas",
        "file",
        r"(?!late_|anon_)(?=[^_]*[^\W\d_])(?P<who>[^_]+)_(late_)?"
        r"(?P<id>(?!20\d\d_\d\d?_\d\d?[_.])\d+)"  # a date is no number
        r"_((?P<when>\d+)_.*|(?P<kind>link|text)(-\d+)?\.html)",
        "roejohn_LATE_78_9001_hw2.ipynb",
    ),
    _layout(  # graded anonymously, or a group with a _ in its name
        "canvas",
        "file",
        r"((?!late_|anon_)(?P<who>.+?)_)??(late_)?(?P<id>\d+|(?P<anon>anon_[a-z\d]+))"
        r"_(?(anon)(late_)?)((?P<when>\d{3,})_.*|(?P<kind>link|text)(-\d+)?\.html)",
        "78_9001_hw2.ipynb",
    ),
    _layout(
        "ilias",
        "folder",
        r"(?P<last>[^_]+)_(?P<first>[^_]+)_(?P<login>.+)_(?P<id>\d+)",
        "Roe_John_jroe_12345",
    ),
]


def owners(paths: Sequence[Parts]) -> list[Owner | None]:
    """Find whose each file is, where a learning system says so.

    Where two of them could have written a name, the one that names more people does; and then
    the outermost folder, since within it students name their files as they like.
    """
    found = [list(_candidates(parts)) for parts in paths]
    people = defaultdict(set)
    for one in found:
        for place, owner in one:
            people[place].add(owner.same)
    return [max(one, key=lambda c: len(people[c[0]]), default=(None, None))[1] for one in found]


def _candidates(parts: Parts) -> Iterator[tuple[tuple[str, int], Owner]]:
    last = len(parts) - 1
    for layout in LAYOUTS:
        for depth, part in enumerate(parts):
            fits = layout.where in ("both", "file" if depth == last else "folder")
            if fits and (match := layout.pattern.fullmatch(part)):
                yield (layout.system, depth), _owner(layout.system, match, parts[:depth])


def _owner(system: str, match: re.Match, above: Parts) -> Owner:
    said = {name: text or "" for name, text in match.groupdict().items()}
    doubt = _doubt(match) if system == "canvas" else {}
    said |= doubt
    identifier = said.get("id", "")
    who = said.get("who") or f"{said.get('first', '')} {said.get('last', '')}".strip() or identifier
    also = (said.get("login", ""), who.partition("-")[2] if system == "moodle" else "")
    team = said.get("team") or next((part for part in above if TEAM.fullmatch(part)), "")
    same = said.get("same") or f"{who}_{identifier}"
    return Owner(
        system,
        who,
        identifier,
        tuple(filter(None, also)),  # Moodle may put a group's name and a - first
        _moment(said.get("when", "")),
        said.get("kind", "").lower(),
        team,
        UNSURE if doubt else "",
        form(same),
    )


def _doubt(match: re.Match) -> dict[str, str]:
    """Read a name anew in which another number than the first may be Canvas's user ID.

    `team_3_77_1001_x` is the file 1001 of user 77, or else user 3's file 77, called `1001_x`.
    Files have the larger numbers. LATE stands before the ID.
    """
    run = re.search(r"(?<![^_])\d+(_\d+)+(?=_)", match.string)
    clear = re.search("(^|_)(late|anon)_", match.string[: match.end("id")], re.IGNORECASE)
    if clear or not run:
        return {}
    numbers, rest = run[0].split("_"), match.string[run.end() + 1 :]
    typed = re.fullmatch(r"(link|text)(-\d+)?\.html", rest, re.IGNORECASE)
    fits = [i for i, (a, b) in enumerate(pairwise(map(int, numbers))) if a < b]
    if typed:
        return {"who": match.string[: run.end()], "id": "", "when": "", "kind": typed[1]}
    if len(numbers) == 2 or fits == [0]:
        return {}
    who = match.string[: run.end() - len(numbers[-1]) - 1]
    return {"who": who, "id": "", "when": numbers[-1]}


def _moment(text: str) -> str:
    """Write a date so that the later sorts last; leave what is none."""
    *date, time, half = ["", "", *text.replace("\u202f", " ").split()][-5:]
    try:
        moment = datetime.strptime(f"{' '.join(date)} {time:0>4} {half}", "%b %d, %Y %I%M %p")
    except ValueError:
        return text
    return moment.isoformat()


def plain(
    paths: Sequence[Parts], notebooks: Collection[Parts], known: Collection[str] = ()
) -> list[Owner | None]:
    """Find whose files are that no system names: the roster's, a folder's, or the notebook's name.

    Where most folders hold one notebook each, they are named after people.
    """
    levels = zip(*(parts[:-1] for parts in notebooks), strict=False)
    shared = takewhile(lambda level: len(set(level)) == 1 < len(level), levels)
    base = sum(1 for _ in shared)  # folders that hold all of several notebooks
    once = {(*parts[:-1], COPY.sub("", stem(parts[-1]))) for parts in notebooks}
    held = Counter(parts[base] for parts in once if len(parts) > base + 1)
    folders = 2 * sum(count == 1 for count in held.values()) > len(held)
    taken = {(*parts[:-1], stem(parts[-1])) for parts in notebooks}
    found: list[Owner | None] = []
    for parts in paths:
        above, own = parts[:-1], stem(parts[-1])
        if (*above, COPY.sub("", own)) in taken:
            own = COPY.sub("", own)
        listed = [name for name in (*above, own) if key(name) in known][:1]
        if not listed and folders and len(above) > base:
            listed = [parts[base]]
        who = listed[0] if listed else own if parts in notebooks else ""
        found.append(Owner("" if who == own else "folder", who, same=form(who)) if who else None)
    return found


def stem(name: str) -> str:
    """Return a file's name without what it ends in, `.ipynb` or what a browser makes of it."""
    ending = r"(\.ipynb)?(?P<copy> ?\(\d+\))?(\.\w{1,5})?$"
    return re.sub(ending, r"\g<copy>", name, flags=re.IGNORECASE) or name


def later(name: str, when: str = "") -> tuple:
    """Return a key for sorting one person's files: the system's number or date, then the name."""
    own = stem(name)
    return in_order(when), in_order(COPY.sub("", own)), COPY.search(own) is not None, in_order(own)
