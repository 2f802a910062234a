"""Keeps the design's layers: reads every import of the package, also those inside functions and for types only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import lparvm

PACKAGE = Path(lparvm.__file__).parent

# The package's own __init__ offers machine, scenario, report and runner to users: it stands just above them.
LAYERS = {
    "errors": 0, "config": 0, "version": 0, "units": 0, "options": 0, "arch": 0,
    "storage": 1, "protocol": 1, "dst": 1,
    "guests": 2, "devices": 2, "trace": 2,
    "actors": 3,
    "machine": 4, "assembly": 4, "scenario": 4, "report": 4, "runner": 4, "compare": 4, "faults": 4,
    "moments": 4, "planning": 4,
    "": 4,
    "console": 5, "stress": 5,
    "trace_cli": 6, "stress_cli": 6,
    "cli": 7,
    "pytest_plugin": 7,
    "__main__": 8,
}  # fmt: skip
# Only in these layers do different parts of one layer import each other.
SHARED_LAYERS = (0, 4)
ACTORS = ("service_processor", "lpar_control", "lip_control", "lip", "iop", "resource_manager")
PURE = ("storage", "protocol", "guests", "devices", "arch")
# module -> the only parts among PURE that may import it, and why not elsewhere
BANNED = {
    "trio": ((), "decisions and touches of storage are synchronous"),
    "asyncio": ((), "lparvm runs on trio"),
    "time": ((), "the clock is the actors'"),
    "datetime": ((), "the clock is the actors'"),
    "random": (("guests", "devices"), "draw from a seeded generator, in guests and devices only"),
    "secrets": ((), "randomness is seeded"),
    "uuid": ((), "randomness is seeded"),
    "threading": (("storage/copying.py",), "only the copying of pages uses threads"),
    "concurrent": (("storage/custody.py",), "only the digests of custody use a pool"),
    "multiprocessing": ((), "the machine is one process"),
}
# What makes a generator: right with a seed, wrong without.
GENERATORS = {"random.Random", "Random", "np.random.PCG64", "np.random.SeedSequence", "np.random.default_rng"}
# What takes a generator, or names its type.
GENERATOR_USERS = {"np.random.Generator"}
FILE_LINES = 400
FUNCTION_LINES = 50


def _files(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def _imports(package: Path, path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted module) of each import; of `from package import module`, the module."""
    here = ("lparvm", *path.relative_to(package).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join((*here[: -node.level], *base.split("."))).rstrip(".")
            for alias in node.names:
                inner = package.joinpath(*base.split(".")[1:], alias.name)
                is_module = base.split(".")[0] == "lparvm" and (
                    inner.is_dir() or inner.with_suffix(".py").exists()
                )
                yield node.lineno, f"{base}.{alias.name}" if is_module else base


def _problem(package: Path, path: Path, dotted: str) -> str | None:
    """Why this file must not import that module; None where it may."""
    inside = path.relative_to(package)
    part = "" if inside == Path("__init__.py") else inside.parts[0].removesuffix(".py")
    names = dotted.split(".")
    other = "".join(names[1:2])  # empty for the package itself
    strangers = {part, other if names[0] == "lparvm" else part} - LAYERS.keys()
    if strangers:
        return f"{', '.join(sorted(strangers))} stands in no layer: add it to LAYERS and to the design"
    if names[0] != "lparvm":
        return _outside_problem(inside, part, dotted)
    if part == "actors" == other and inside.stem in ACTORS and names[-1] in ACTORS:
        return "actors never import each other: they talk by messages"
    return None if part == other else _layer_problem(part, other)


def _layer_problem(part: str, other: str) -> str | None:
    mine, its = LAYERS[part], LAYERS[other]
    if other == "" and mine <= its:
        return "lparvm itself is for users, and for the layers above it"
    if its > mine:
        return f"imports go down only: {part or 'lparvm'} is in layer {mine}, {other} in layer {its}"
    if its == mine and mine not in SHARED_LAYERS:
        return f"{part} and {other} are both in layer {mine}: parts of one layer don't know each other"
    return None


def _outside_problem(inside: Path, part: str, dotted: str) -> str | None:
    allowed, why = BANNED.get(dotted.split(".", maxsplit=1)[0], ((part,), ""))
    if part in PURE and part not in allowed and inside.as_posix() not in allowed:
        return f"{'/, '.join(PURE)}/ import no {dotted}: {why}"
    return None


def _bad_imports(package: Path) -> list[str]:
    found = []
    for path in _files(package):
        for line, dotted in _imports(package, path):
            problem = _problem(package, path, dotted)
            if problem:
                found.append(f"{path.relative_to(package.parent)}:{line} imports {dotted}; {problem}")
    return found


def _unseeded(package: Path) -> list[str]:
    """Uses of unseeded randomness: a generator made without a seed, or a draw from one of the module's own."""
    found = []
    for path in _files(package):
        if path.relative_to(package).parts[0] not in PURE:
            continue
        tree = ast.parse(path.read_text())
        # A local name `random` is a generator; it is the module where the module is imported.
        modules = ["os.urandom", "np.random.", "numpy.random."]
        modules += ["random."] if (any(dotted == "random" for _, dotted in _imports(package, path))) else []
        for node in ast.walk(tree):
            text = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
            seedless = isinstance(node, ast.Call) and not node.args and ast.unparse(node.func) in GENERATORS
            drawn = (
                text.startswith(tuple(modules))
                and "(" not in text
                and text not in GENERATORS | GENERATOR_USERS
            )
            if seedless or drawn:
                place = f"{path.relative_to(package.parent)}:{node.lineno}"
                found.append(
                    f"{place} {ast.unparse(node)}: draw from a generator seeded by units.stream_seed"
                )
    return found


def _long_parts(package: Path) -> list[str]:
    found = []
    for path in _files(package):
        text, name = path.read_text(), path.relative_to(package.parent)
        lines = len(text.splitlines())
        if lines >= FILE_LINES:
            found.append(f"{name} has {lines} lines; files stay under {FILE_LINES}")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1 - _docstring_lines(node)
                if length >= FUNCTION_LINES:
                    where = f"{name}:{node.lineno} {node.name}"
                    found.append(f"{where} has {length} lines; functions stay under {FUNCTION_LINES}")
    return found


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """A docstring that says everything is no reason to split a function: its lines don't count."""
    first = node.body[0]
    return (first.end_lineno or first.lineno) - first.lineno + 1 if ast.get_docstring(node) is not None else 0


def _told(problems: list[str]) -> str:
    return "\n  ".join(("", *problems))


def test_imports_go_down_only():
    problems = _bad_imports(PACKAGE)
    assert not problems, _told(problems)


def test_randomness_is_seeded_where_decisions_are_made():
    problems = _unseeded(PACKAGE)
    assert not problems, _told(problems)


def test_files_and_functions_stay_short():
    problems = _long_parts(PACKAGE)
    assert not problems, _told(problems)


def test_every_actor_is_under_the_rule_for_actors():
    helpers = {
        "__init__", "channel_task", "control_records", "guest_jobs", "guest_table", "installation", "mailbox",
        "operator_commands", "run_clock", "storage_jobs", "storage_work", "supervisor", "transfer_facts",
    }  # fmt: skip
    assert {path.stem for path in (PACKAGE / "actors").glob("*.py")} == {*ACTORS, *helpers}, (
        "a new file in actors/ is an actor, or a helper that this test knows"
    )


# --- the rules themselves: each must catch what is planted, and let pass what is right ---------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    package = tmp_path / "lparvm"
    files = [
        "__init__.py", "units.py", "options.py", "machine.py", "report.py", "arch/__init__.py", "arch/psw.py",
        "storage/__init__.py", "storage/view.py", "storage/copying.py", "protocol/__init__.py",
        "protocol/results.py", "guests/__init__.py", "guests/hammer.py", "devices/__init__.py", "devices/disk.py",
        "trace/__init__.py", "trace/writer.py", "actors/__init__.py", "actors/mailbox.py", "actors/lip.py",
        "actors/iop.py", "cli.py",
    ]  # fmt: skip
    for name in files:
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("")
    return package


PLANTED = [
    (
        "arch/psw.py",
        "from lparvm.storage.view import GuestView",
        "imports lparvm.storage.view; imports go down only",
    ),
    ("units.py", "import lparvm.machine", "units is in layer 0, machine in layer 4"),
    ("storage/view.py", "from lparvm.protocol import results", "both in layer 1"),
    ("protocol/results.py", "from ..storage.view import GuestView", "both in layer 1"),
    ("guests/hammer.py", "from lparvm.devices import disk", "both in layer 2"),
    ("trace/writer.py", "from lparvm import machine", "trace is in layer 2, machine in layer 4"),
    ("trace/writer.py", "from lparvm import __version__", "lparvm itself is for users"),
    ("machine.py", "from lparvm import __version__", "for users, and for the layers above"),
    ("machine.py", "if TYPE_CHECKING:\n    from lparvm.cli import main", "cli in layer 7"),
    ("actors/lip.py", "def f():\n    from lparvm.actors.iop import Iop", "actors never import each other"),
    ("actors/lip.py", "from lparvm.actors import iop", "actors never import each other"),
    ("actors/lip.py", "from . import iop", "actors never import each other"),
    ("report.py", "from lparvm.extras import x", "extras stands in no layer"),
    ("protocol/results.py", "import trio.testing", "import no trio.testing: decisions and touches"),
    ("storage/view.py", "from time import monotonic", "import no time: the clock is the actors'"),
    ("arch/psw.py", "import datetime as dt", "import no datetime"),
    ("protocol/results.py", "import random", "import no random"),
    ("storage/view.py", "import threading", "import no threading"),
]


@pytest.mark.parametrize(("name", "code", "expected"), PLANTED)
def test_a_planted_bad_import_is_found_and_named(tree: Path, name: str, code: str, expected: str):
    (tree / name).write_text(code + "\n")
    (found,) = _bad_imports(tree)
    assert found.startswith(f"lparvm/{name}:")
    assert expected in found


def test_a_module_that_stands_in_no_layer_is_found(tree: Path):
    (tree / "extras.py").write_text("import os\n")
    assert _bad_imports(tree) == [
        "lparvm/extras.py:1 imports os; extras stands in no layer: add it to LAYERS and to the design"
    ]


RIGHT = [
    ("storage/view.py", "from lparvm.arch.psw import Psw\nimport numpy"),
    ("storage/copying.py", "import threading"),
    ("guests/hammer.py", "import random"),
    ("trace/writer.py", "import datetime\nfrom lparvm.protocol import results"),
    ("actors/lip.py", "import trio\nfrom lparvm.actors.mailbox import Actor\nfrom .mailbox import Actor"),
    ("machine.py", "from lparvm.report import RunReport\nfrom lparvm.actors.iop import Iop"),
    ("options.py", "from lparvm import units"),
    ("cli.py", "import lparvm\nfrom lparvm import machine"),
    ("__init__.py", "from lparvm.machine import Machine"),
]


@pytest.mark.parametrize(("name", "code"), RIGHT)
def test_a_right_import_passes(tree: Path, name: str, code: str):
    (tree / name).write_text(code + "\n")
    assert _bad_imports(tree) == []


@pytest.mark.parametrize(
    "code",
    [
        "import random\nx = random.random()",
        "rng = random.Random()",
        "b = os.urandom(8)",
        "x = np.random.rand()",
        "import random\nrandom.shuffle(x)",
        "rng = np.random.default_rng()",
        "rng = np.random.Generator(np.random.PCG64())",
    ],
)
def test_planted_unseeded_randomness_is_found(tree: Path, code: str):
    (tree / "guests/hammer.py").write_text(code + "\n")
    assert len(_unseeded(tree)) >= 1


def test_a_seeded_generator_passes(tree: Path):
    code = "import random\nrng = random.Random(stream_seed(1))\nx = rng.random()\n"
    (tree / "guests/hammer.py").write_text(code)
    (tree / "devices/disk.py").write_text(
        "random = np.random.Generator(np.random.PCG64(7))\nx = random.integers(9)\n"
    )
    assert _unseeded(tree) == []


def test_planted_long_parts_are_found_and_named(tree: Path):
    (tree / "units.py").write_text("def long():\n" + "    pass\n" * 49)
    (tree / "cli.py").write_text("x = 1\n" * 400)
    assert _long_parts(tree) == [
        "lparvm/cli.py has 400 lines; files stay under 400",
        "lparvm/units.py:1 long has 50 lines; functions stay under 50",
    ]


def test_parts_just_short_enough_pass(tree: Path):
    (tree / "units.py").write_text('def short():\n    """One.\n\n    Two.\n    """\n' + "    pass\n" * 48)
    (tree / "cli.py").write_text("x = 1\n" * 399)
    assert _long_parts(tree) == []
