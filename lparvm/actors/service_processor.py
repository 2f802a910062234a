"""The service processor: takes the operator's commands, shows results (numeral 5, step 211).

`execute` is the door from outside: it may be called by any task, for several commands at once. Inside, the
service processor is an actor like the others: commands reach it by its mailbox and are answered there.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping

import trio
from attrs import Factory, define, frozen

from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.arch.address import PAGE_BYTES
from lparvm.config import COMMANDS_UNDER_WAY_MAX
from lparvm.protocol import commands as c
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, SERVICE_PROCESSOR
from lparvm.protocol.command_parser import parse
from lparvm.protocol.displays import (
    device_lines,
    frame_lines,
    operation_lines,
    storage_lines,
    with_failed,
)
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.results import LipStop, Outcome, Result
from lparvm.trace.writer import TraceLogger
from lparvm.units import format_size


@frozen
class CommandResult:
    """The answer to a command.

    Attributes:
        text: the command.
        at_ns: when it was given, run clock.
        answered_ns: when it was answered.
        operation: id of the operation.
        result: the result code.
        code: message id.
        message: the message's text.
        lips: how long each LIP's guest stood still.
        pages: pages that were moved and stayed at the target.
        busy_devices: what step 202 waited for, each as last reported.
        lines: what a DISPLAY shows.
        expected: the result that the scenario expects; None where nothing is expected.
    """

    text: str
    at_ns: int
    operation: str
    result: Result
    code: str
    message: str
    lips: tuple[LipStop, ...] = ()
    pages: int = 0
    busy_devices: tuple[m.BusyDevice, ...] = ()
    lines: tuple[str, ...] = ()
    expected: Result | None = None
    answered_ns: int = 0

    @property
    def longest_stop(self) -> LipStop | None:
        """The LIP that stood longest; None where no guest was stopped."""
        return max(self.lips, key=lambda stop: stop.stopped_ns, default=None)

    @property
    def as_expected(self) -> bool:
        """Whether the result is the one expected, or none is."""
        return self.expected in (None, self.result)


@frozen
class OperatorMessage:
    """A message to the operator."""

    at_ns: int
    code: str
    text: str
    operation: str | None


@frozen
class Progress:
    """How far an operation is."""

    operation: str
    lpar: str
    phase: str
    pages_across: int
    pages: int


@define(eq=False)
class _Command:
    """A command that was given, and its result once it is answered."""

    text: str
    at_ns: int
    done: trio.Event = Factory(trio.Event)
    received: bool = False
    result: CommandResult | None = None
    show: Callable[[tuple[m.FrameRow, ...]], tuple[str, ...]] | None = None


Listener = Callable[[OperatorMessage | Progress | CommandResult], None]


class ServiceProcessor(Actor):
    """The operator's interface to a running machine."""

    def __init__(
        self,
        directory: Mapping[str, Mailbox],
        log: TraceLogger,
        clock: RunClock,
        main_storage_frames: int,
        operations: Callable[[], tuple[Relocation, ...]],
        devices: Mapping[int, tuple[str, str]],
        *,
        paths: Mapping[int, tuple[str, ...]],
        consoles: Mapping[str, int],
        lpars: Collection[str],
        failed: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """Know the machine as it was built.

        Args:
            directory: every actor's mailbox.
            log: of the own actor.
            clock: the run clock.
            main_storage_frames: size of main storage.
            operations: a look at LPAR control's work.
            devices: number -> (kind, IOPs as text).
            paths: device number -> its IOPs, in the order of its paths.
            consoles: LPAR -> device number of its console; an LPAR without one is missing.
            lpars: names of all LPARs.
            failed: a look at which LPARs' guests cannot go on.
        """
        super().__init__(SERVICE_PROCESSOR, directory, log, clock)
        self._frames = main_storage_frames
        self._operations = operations
        self._devices = devices
        self._paths, self._consoles, self._lpars, self._failed = paths, consoles, lpars, failed
        self._varied_off: set[tuple[str, int]] = set()  # (IOP, device); all paths begin varied on
        self._given = 0
        self._commands: dict[str, _Command] = {}
        self._listeners: list[Listener] = []
        # The operator is not bound by the protocol: commands beyond the limit wait here.
        self._entered: deque[Envelope] = deque()
        self._under_way = 0

    # --- the door from outside --------------------------------------------------------------------------

    def listen(self, listener: Listener) -> None:
        """Call `listener` with each message to the operator, each progress and each command's result."""
        self._listeners.append(listener)

    def tell_operator(self, op: str | None, code: str, text: str, cause: int | None) -> None:
        """A message to the operator: note it in the trace and tell the listeners."""
        self.log.emit("operator.messaged", op=op, cause=cause, code=code, message=text)
        self._tell(OperatorMessage(self.clock.now_ns(), code, text, op))

    async def execute(self, text: str) -> CommandResult:
        """Give a command and wait for its answer.

        Args:
            text: a command of the service processor's language, such as `MVSTOR LPAR2 HSA=192M`.

        Raises:
            CommandError: the text is no command; nothing was done.
        """
        return await self.answer(self.submit(text))

    def submit(self, text: str) -> str:
        """Give a command; returns the id of its operation, for `answer`.

        Raises:
            CommandError: the text is no command; nothing was done.
        """
        parse(text)
        self._given += 1
        op = f"op.{self._given}"
        self._commands[op] = _Command(text, self.clock.now_ns())
        self._entered.append(Envelope(m.CommandEntered(op, text), "operator", None))
        self._enter()
        return op

    def _enter(self) -> None:
        """Take commands to the mailbox, in their order, as long as few enough are under way."""
        while self._entered and self._under_way < COMMANDS_UNDER_WAY_MAX:
            self._under_way += 1
            self.mailbox.put(self._entered.popleft())

    async def answer(self, op: str) -> CommandResult:
        """Wait for the answer to a command given by `submit`."""
        command = self._commands[op]
        await command.done.wait()
        assert command.result is not None, "an answered command has a result"
        return command.result

    async def move_storage(
        self,
        lpar: str,
        hsa_bytes: int,
        *,
        stop_ns: int | None = None,
        quiesce_ns: int | None = None,
        busy: str | None = None,
    ) -> CommandResult:
        """MVSTOR: move an LPAR's zone to a new main storage origin.

        Args:
            lpar: its name.
            hsa_bytes: the new origin, host absolute address in bytes.
            stop_ns: how long the LIPs may take to stop.
            quiesce_ns: how long the I/O may take to end.
            busy: what to do when it takes longer: REFUSE, WAIT or HALT.
        """
        words = [f"MVSTOR {lpar} HSA={hsa_bytes}"]
        words += [f"STOP={stop_ns}ns"] if stop_ns is not None else []
        words += [f"QUIESCE={quiesce_ns}ns"] if quiesce_ns is not None else []
        words += [f"BUSY={busy}"] if busy is not None else []
        return await self.execute(" ".join(words))

    async def cancel(self, target: str) -> CommandResult:
        """CANCEL an operation, by its id or its LPAR."""
        return await self.execute(f"CANCEL {target}")

    async def display(self, what: str) -> CommandResult:
        """DISPLAY FRAME, STORAGE, DEVICES or OPERATIONS."""
        return await self.execute(f"DISPLAY {what}")

    def operations(self) -> tuple[Relocation, ...]:
        """The relocations under way, oldest first."""
        return self._operations()

    @property
    def pending(self) -> tuple[str, ...]:
        """Ids of the commands that are not answered yet, oldest first."""
        return tuple(op for op, command in self._commands.items() if command.result is None)

    @property
    def results(self) -> dict[str, CommandResult]:
        """The commands that were answered, by operation id, in the order given."""
        return {op: command.result for op, command in self._commands.items() if command.result}

    def abandon(self) -> None:
        """The machine ends: answer what is still open."""
        self._entered.clear()
        for op in self.pending:
            command = self._commands[op]
            if not command.received:
                self._receive(op, command.text)
            self._answer(op, Outcome(Result.INTERRUPTED), None)

    # --- the actor ----------------------------------------------------------------------------------------

    def handle(self, envelope: Envelope) -> None:
        """Commands, their outcomes, progress, messages."""
        message, seq = envelope.message, envelope.seq
        match message:
            case m.CommandEntered(op=op, text=text):
                self._begin(op, parse(text), self._receive(op, text))
            case m.OperationEnded(op=op, outcome=outcome):
                self._answer(op, outcome, seq)
            case m.FrameReported(op=op, rows=rows):
                show = self._commands[op].show
                assert show is not None, "only DISPLAY asks for the frame"
                self._answer_lines(op, show(with_failed(rows, self._failed())), seq)
            case m.PathVaried():
                self._note_path(message, seq)
            case m.LineEntered(op=op, lpar=lpar, device=device, problem=""):
                self._answer_text(op, f"{lpar} {device:04X}: the line was entered", seq)
            case m.LineEntered(op=op, lpar=lpar, problem=problem):
                refused = Outcome(Result.LINE_REFUSED, {"lpar": lpar, "problem": problem})
                self._answer(op, refused, seq)
            case m.OperationAdvanced():
                progress = Progress(
                    message.op, message.lpar, message.phase, message.pages_across, message.pages
                )
                self._tell(progress)
            case m.OperatorMessaged(op=about, code=code, message=text):
                self.tell_operator(about, code, text, seq)
            case _:
                raise AssertionError(f"{self.name} has no use for {message!r}")

    def _receive(self, op: str, text: str) -> int | None:
        self._commands[op].received = True
        return self.log.emit("command.received", op=op, text=text)

    def _begin(self, op: str, command: c.Command, cause: int | None) -> None:
        match command:
            case c.MoveStor(target=c.Hsa(origin_bytes=origin_bytes)) if not command.beyond_hsa:
                self._move(op, command, origin_bytes, cause)
            case c.Cancel(target=target):
                self.post(LPAR_CONTROL, m.CancelOperation(op, target), cause)
            case c.Display(what="FRAME" | "STORAGE" as what):
                total = self._frames * PAGE_BYTES
                lines = frame_lines if what == "FRAME" else storage_lines
                self._commands[op].show = lambda rows: lines(rows, total)
                self.post(RESOURCE_MANAGER, m.QueryFrame(op), cause)
            case c.Display(what="DEVICES"):
                self._answer_lines(op, device_lines(self._devices, self._paths, self._varied_off), cause)
            case c.Display(what="OPERATIONS"):
                self._answer_lines(op, operation_lines(self._operations()), cause)
            case c.VaryPath():
                self._vary(op, command, cause)
            case c.Reply():
                self._reply(op, command, cause)
            case _:
                words = self._commands[op].text.split()
                self._answer(op, Outcome(Result.NOT_AVAILABLE, {"command": " ".join(words).upper()}), cause)

    def _move(self, op: str, command: c.MoveStor, origin_bytes: int, cause: int | None) -> None:
        if origin_bytes % PAGE_BYTES:
            values: dict[str, object] = {"lpar": command.lpar, "target": format_size(origin_bytes)}
            self._answer(op, Outcome(Result.NOT_ON_PAGE, values), cause)
            return
        order = m.MoveStorage(
            op, command.lpar, origin_bytes // PAGE_BYTES, command.stop_ns, command.quiesce_ns, command.busy
        )
        self.post(LPAR_CONTROL, order, cause)

    def _vary(self, op: str, command: c.VaryPath, cause: int | None) -> None:
        if command.iop in self._paths.get(command.device, ()):
            self.post(command.iop, m.VaryPath(op, command.device, command.online), cause)
            return
        path = f"{command.iop}.{command.device:04X}"
        self._answer(op, Outcome(Result.UNKNOWN_PATH, {"path": path}), cause)

    def _note_path(self, message: m.PathVaried, cause: int | None) -> None:
        path = (message.iop, message.device)
        if message.online:
            self._varied_off.discard(path)
        else:
            self._varied_off.add(path)
        state = "on" if message.online else "off"
        varied = f"is varied {state}" if message.changed else f"was varied {state} already"
        self._answer_text(message.op, f"{message.iop}.{message.device:04X} {varied}", cause)

    def _reply(self, op: str, command: c.Reply, cause: int | None) -> None:
        lpar, device = command.lpar, self._consoles.get(command.lpar)
        if device is None:
            unknown = Result.NO_CONSOLE if lpar in self._lpars else Result.UNKNOWN_LPAR
            self._answer(op, Outcome(unknown, {"lpar": lpar}), cause)
            return
        # Any of its IOPs whose path is varied on can take the line.
        paths = [name for name in self._paths[device] if (name, device) not in self._varied_off]
        if not paths:
            problem = f"every path to {device:04X} is varied off"
            self._answer(op, Outcome(Result.LINE_REFUSED, {"lpar": lpar, "problem": problem}), cause)
            return
        self.post(paths[0], m.EnterLine(op, lpar, device, command.text), cause)

    def _answer_text(self, op: str, text: str, cause: int | None) -> None:
        self._answer(op, Outcome(Result.COMPLETED, {"text": text}), cause)

    def _answer_lines(self, op: str, lines: tuple[str, ...], cause: int | None) -> None:
        self._answer(op, Outcome(Result.COMPLETED, {"text": "\n".join(lines)}), cause, lines)

    def _answer(self, op: str, outcome: Outcome, cause: int | None, lines: tuple[str, ...] = ()) -> None:
        command = self._commands[op]
        self.log.emit(
            "command.answered", op=op, cause=cause, text=command.text, result=outcome.result,
            code=outcome.code, message=outcome.message,
        )  # fmt: skip
        command.result = CommandResult(
            command.text, command.at_ns, op, outcome.result, outcome.code, outcome.message, outcome.lips,
            outcome.pages, outcome.busy_devices, lines, answered_ns=self.clock.now_ns(),
        )  # fmt: skip
        self._tell(command.result)
        command.done.set()
        self._under_way -= 1
        self._enter()

    def _tell(self, news: OperatorMessage | Progress | CommandResult) -> None:
        for listener in self._listeners:
            listener(news)
