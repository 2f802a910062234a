"""Plugin of pytest for tests of one's own guests and protocols: `lparvm_machine`, and traces of what failed.

    async def test_my_guest(lparvm_machine, autojump_clock):
        async with lparvm_machine("scenario.toml") as machine:
            result = await machine.svp.execute("MVSTOR LPAR2 HSA=192M")

pytest loads it wherever lparvm is installed, so it imports nothing of lparvm until a test asks for the fixture.
"""

import re
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lparvm.machine import Machine
    from lparvm.report import RunReport
    from lparvm.scenario import Scenario

_DIRECTORY = "lparvm-traces"
_NAME_CHARACTERS_MAX = 120


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--lparvm-trace`."""
    parser.getgroup("lparvm").addoption(
        "--lparvm-trace", nargs="?", const=_DIRECTORY, metavar="DIR",
        help=f"keep the traces of machines in tests that fail, in this directory [{_DIRECTORY}]",
    )  # fmt: skip


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell of the machines of a test that failed."""
    report = yield
    runs = item.stash.get(_RUNS, None)
    if runs is not None and report.failed:
        runs.failed = True
        report.sections += [("lparvm", text) for text in runs.texts()]
    return report


@pytest.fixture
def lparvm_machine(
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., AbstractAsyncContextManager["Machine"]]]:
    """Opens machines, as an asynchronous context manager: `lparvm_machine(scenario, **options)`.

    `scenario` is a built-in name, a file, a `Scenario`, or the text of one. `options` are those of
    `lparvm.Options`, and `verdict`, what the run is expected to come to, "intact" unless given; None: anything.
    Commands of the scenario are not given: the test gives its own. Under a clock of trio's that jumps, such as
    pytest-trio's `autojump_clock`, the same seed gives the same run.
    """
    given = request.config.getoption("lparvm_trace")
    runs = _Runs(request.node.nodeid, None if given is None else Path(given))
    request.node.stash[_RUNS] = runs
    yield runs.machine
    if not runs.failed:
        runs.forget()


class _Runs:
    """The machines of a test, and their traces."""

    def __init__(self, test: str, directory: Path | None) -> None:
        self.failed = False
        self._directory = directory
        self._name = re.sub(r"[^\w.-]+", "-", test)[-_NAME_CHARACTERS_MAX:].strip("-")
        self._reports: list[tuple[RunReport | None, Path | None]] = []
        self._count = 0

    @asynccontextmanager
    async def machine(
        self, scenario: "Scenario | str | Path", *, verdict: str | None = "intact", **options: Any
    ) -> AsyncIterator["Machine"]:
        """See `lparvm_machine`."""
        from lparvm.dst.deterministic import deterministic_scheduling  # noqa: PLC0415 - only tests that ask need it
        from lparvm.machine import Options, open_machine  # noqa: PLC0415
        from lparvm.scenario import parse_scenario  # noqa: PLC0415

        if isinstance(scenario, str) and "\n" in scenario:
            scenario = parse_scenario(scenario)
        chosen = Options(**{"trace": self._file(), **options})
        opened: Machine | None = None
        with ExitStack() as stack:
            if _clock_jumps():
                stack.enter_context(deterministic_scheduling(chosen.seed))
            try:
                async with open_machine(scenario, chosen) as opened:
                    yield opened
            except BaseExceptionGroup as group:
                # The machine's nursery has wrapped what the test raised: let pytest see an assertion or a skip.
                alone = _only_leaf(group)
                if alone is None:
                    raise
                raise alone from None
            finally:
                self._reports.append((opened.report if opened is not None else None, chosen.trace))
        report = opened.report
        if verdict is not None and report is not None and report.verdict != verdict:
            raise AssertionError(
                f"lparvm: the run is {report.verdict}, not {verdict}: {_first_problem(report)}"
            )

    def texts(self) -> Iterator[str]:
        """What to tell of each run when the test failed."""
        for report, file in self._reports:
            lines = ["the machine was not built" if report is None else f"verdict: {report.verdict}"]
            if report is not None:
                lines.append(f"first violation: {_first_problem(report)}")
            if file is not None and file.exists():
                lines.append(f"trace: {file}")
            elif file is None:
                lines.append("trace: none; --lparvm-trace keeps it")
            yield "\n".join(lines)

    def forget(self) -> None:
        """The test passed: its traces are of no use."""
        for _, file in self._reports:
            if self._directory is not None and file is not None and file.parent == self._directory:
                file.unlink(missing_ok=True)
        if self._directory is not None:
            with suppress(OSError):  # it holds others
                self._directory.rmdir()

    def _file(self) -> Path | None:
        if self._directory is None:
            return None
        self._directory.mkdir(parents=True, exist_ok=True)
        self._count += 1
        number = "" if self._count == 1 else f"-{self._count}"
        return self._directory / f"{self._name}{number}.jsonl"


_RUNS = pytest.StashKey[_Runs]()


def _clock_jumps() -> bool:
    import trio  # noqa: PLC0415
    import trio.testing  # noqa: PLC0415

    return isinstance(trio.lowlevel.current_clock(), trio.testing.MockClock)


def _only_leaf(error: BaseException) -> BaseException | None:
    """The one exception in a group; None where there are several."""
    while isinstance(error, BaseExceptionGroup):
        if len(error.exceptions) != 1:
            return None
        (error,) = error.exceptions
    return error


def _first_problem(report: "RunReport") -> str:
    """The first broken rule, damage or unexpected result, in words."""
    for rule in report.rules:
        if rule.violation is not None:
            return f"{rule.rule}: {rule.violation}"
    for guest in report.guests:
        if guest.damage:
            one = guest.damage[0]
            return f"{guest.lpar}: at {one.address:#x} expected {one.expected}, found {one.found}"
        if guest.ever_failed:
            return f"{guest.lpar}: guest {guest.guest} failed"
    for command in report.commands:
        if not command.as_expected:
            return f"{command.text}: {command.result}, expected {command.expected}"
    return "none"
