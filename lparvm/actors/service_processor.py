"""The service processor: takes the operator's commands, shows results (numeral 5, step 211).

`execute` is the door from outside: it may be called by any task, for several commands at once. Inside, the
service processor is an actor like the others: commands reach it by its mailbox and are answered there.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping

import trio
from attrs import Factory, define, evolve

from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.operator_commands import OperatorCommands
from lparvm.actors.run_clock import RunClock
from lparvm.arch.address import PAGE_BYTES
from lparvm.config import COMMANDS_UNDER_WAY_MAX
from lparvm.protocol import commands as c
from lparvm.protocol import composite
from lparvm.protocol import composite_parts as parts
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, SERVICE_PROCESSOR
from lparvm.protocol.calibration import Calibration, calibration_lines
from lparvm.protocol.command_orders import order_of, refusal
from lparvm.protocol.command_parser import parse
from lparvm.protocol.displays import (
    OperationView,
    device_lines,
    frame_lines,
    operation_lines,
    storage_lines,
    with_failed,
)
from lparvm.protocol.lpar_entry import LparEntry
from lparvm.protocol.news import CommandResult, News, OperatorMessage, Progress
from lparvm.protocol.results import Outcome, Result
from lparvm.trace.writer import TraceLogger

__all__ = ["CommandResult", "Listener", "OperatorMessage", "Progress", "ServiceProcessor"]


@define(eq=False)
class _Command:
    """A command that was given, and its result once it is answered."""

    text: str
    at_ns: int
    done: trio.Event = Factory(trio.Event)
    received: bool = False
    result: CommandResult | None = None
    show: Callable[[m.FrameReported], tuple[str, ...]] | None = None


Listener = Callable[[News], None]


class ServiceProcessor(Actor, OperatorCommands):
    """The operator's interface to a running machine."""

    def __init__(
        self,
        directory: Mapping[str, Mailbox],
        log: TraceLogger,
        clock: RunClock,
        main_storage_frames: int,
        operations: Callable[[], tuple[OperationView, ...]],
        devices: Mapping[int, tuple[str, str]],
        *,
        paths: Mapping[int, tuple[str, ...]],
        consoles: Mapping[str, int],
        lpars: Mapping[str, LparEntry],
        failed: Callable[[], Collection[str]] = tuple,
        calibration: Callable[[], Calibration] = Calibration,
        planner: parts.Planner,
    ) -> None:
        """Know the machine. LPARs come and go while it runs: what is given here is looked at when it is needed.

        Args:
            directory: every actor's mailbox.
            log: of the own actor.
            clock: the run clock.
            main_storage_frames: size of main storage.
            operations: a look at LPAR control's work.
            devices: number -> (kind, IOPs as text).
            paths: device number -> its IOPs, in the order of its paths.
            consoles: LPAR -> device number of its console; an LPAR without one is missing.
            lpars: all LPARs, active or not.
            failed: a look at which LPARs' guests cannot go on.
            calibration: a look at the history of stops, and what was predicted.
            planner: makes plans of moves.
        """
        super().__init__(SERVICE_PROCESSOR, directory, log, clock)
        self._frames = main_storage_frames
        self._operations = operations
        self._devices = devices
        self._paths, self._consoles, self._lpars, self._failed = paths, consoles, lpars, failed
        self._calibration, self._planner = calibration, planner
        self._composites: dict[str, composite.Composite] = {}
        self._cancels: dict[str, str] = {}  # a CANCEL with LPAR control -> the command of several operations
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

    def operations(self) -> tuple[OperationView, ...]:
        """What is under way: commands of several operations, each before the one it has under way; then the rest."""
        single = list(self._operations())
        views = []
        for run in self._composites.values():
            views.append(composite.view_of(run))
            views += [one for one in single if one.op == run.running]
            single = [one for one in single if one.op != run.running]
        return (*views, *single)

    @property
    def lpars(self) -> tuple[str, ...]:
        """Names of all LPARs that there are now, active or not."""
        return tuple(self._lpars)

    def text_of(self, op: str) -> str:
        """The command that an operation was given by."""
        return self._commands[op].text

    @property
    def pending(self) -> tuple[str, ...]:
        """Ids of the commands that are not answered yet, oldest first."""
        return tuple(op for op, command in self._commands.items() if command.result is None)

    @property
    def results(self) -> dict[str, CommandResult]:
        """The commands that were answered, by operation id, in the order given."""
        return {op: command.result for op, command in self._commands.items() if command.result}

    def forget(self, op: str) -> None:
        """Let go of a command that was answered, and of its result: nobody asks for it any more."""
        assert self._commands[op].result is not None, "only what was answered can be forgotten"
        del self._commands[op]

    def abandon(self) -> None:
        """The machine ends: answer what is still open."""
        self._entered.clear()
        for op in self.pending:
            command = self._commands[op]
            if not command.received:
                self._receive(op, command.text)
            self._answer(op, Outcome(Result.INTERRUPTED), None)
        self._composites.clear()

    # --- the actor ----------------------------------------------------------------------------------------

    def handle(self, envelope: Envelope) -> None:
        """Commands, their outcomes, progress, messages."""
        message, seq = envelope.message, envelope.seq
        match message:
            case m.CommandEntered(op=op, text=text):
                self._begin(op, parse(text), self._receive(op, text))
            case m.OperationEnded(op=op, outcome=outcome):
                self._end(op, outcome, seq)
            case m.FrameReported(op=op) if op in self._composites:
                self._advance(op, parts.FrameSeen(self._frame(message)), seq)
            case m.FrameReported(op=op, rows=rows):
                show = self._commands[op].show
                assert show is not None, "only DISPLAY and PLAN ask for the frame"
                seen = evolve(message, rows=with_failed(rows, self._failed()))
                self._answer_lines(op, show(seen), seq)
            case m.PathVaried():
                self._note_path(message, seq)
            case m.LineEntered(op=op, lpar=lpar, device=device, problem=""):
                self._answer_text(op, f"{lpar} {device:04X}: the line was entered", seq)
            case m.LineEntered(op=op, lpar=lpar, problem=problem):
                refused = Outcome(Result.LINE_REFUSED, {"lpar": lpar, "problem": problem})
                self._answer(op, refused, seq)
            case m.OperationAdvanced():
                progress = Progress(
                    message.op, message.lpar, message.phase, message.pages_across, message.pages,
                    min(message.percent, 100), message.left_ns,
                )  # fmt: skip
                self._tell(progress)
            case m.OperatorMessaged(op=about, code=code, message=text):
                self.tell_operator(about, code, text, seq)
            case _:
                raise AssertionError(f"{self.name} has no use for {message!r}")

    def _receive(self, op: str, text: str) -> int | None:
        self._commands[op].received = True
        return self.log.emit("command.received", op=op, text=text)

    def _begin(self, op: str, command: c.Command, cause: int | None) -> None:
        refused = refusal(command)
        order = order_of(op, command) if refused is None else None
        match command:
            case _ if refused is not None:
                self._answer(op, refused, cause)
            case _ if order is not None:
                self.post(LPAR_CONTROL, order, cause)
            case c.MoveStor() | c.Plan():
                self._begin_composite(op, command, cause)
            case c.Cancel(target=target):
                self._cancel(op, target, cause)
            case c.Display(what=what):
                self._display(op, what, cause)
            case c.VaryPath():
                self._vary(op, command, cause)
            case c.Reply():
                self._reply(op, command, cause)
            case _:
                raise AssertionError(f"{self.name} has no use for {command!r}")

    def _end(self, op: str, outcome: Outcome, cause: int | None) -> None:
        """LPAR control's report: of a command, or of one of its operations."""
        of = op.rpartition(".")[0]
        if of in self._composites:
            self._advance(of, parts.StepEnded(op, outcome), cause)
            return
        cancelled = self._cancels.pop(op, "")
        if cancelled in self._composites:
            self._advance(cancelled, parts.CancelAnswered(op, outcome), cause)
        elif not cancelled or self._commands[op].result is None:
            self._answer(op, outcome, cause)

    # --- commands of several operations -------------------------------------------------------------------

    def _begin_composite(self, op: str, command: c.MoveStor | c.Plan, cause: int | None) -> None:
        run, orders = composite.begin(op, command)
        self._composites[op] = run
        self._carry_out(op, orders, cause)

    def _advance(self, op: str, event: parts.Event, cause: int | None) -> None:
        self._composites[op], orders = composite.advance(self._composites[op], event, self._planner)
        self._carry_out(op, orders, cause)

    def _frame(self, message: m.FrameReported) -> parts.Frame:
        held = {lpar: one.op for one in self._operations() for lpar in one.lpars}
        active = {row.name for row in message.rows}
        inactive = tuple(name for name in self._lpars if name not in active)
        return parts.Frame(message.rows, message.retired, held, message.beside, inactive, self._frames)

    def _carry_out(self, op: str, orders: tuple[parts.Order, ...], cause: int | None) -> None:
        for order in orders:
            match order:
                case parts.Give(message=message):
                    if isinstance(message, m.CancelOperation):
                        self._cancels[message.op] = op
                    self.post(LPAR_CONTROL, message, cause)
                case parts.AskFrame():
                    self.post(RESOURCE_MANAGER, m.QueryFrame(op), cause)
                case parts.Tell(op=step, outcome=outcome):
                    self.tell_operator(step, outcome.code, outcome.message, cause)
                case parts.AnswerCancel(op=cancel, outcome=outcome):
                    self._answer(cancel, outcome, cause)
                case parts.Answer(outcome=outcome, lines=lines):
                    del self._composites[op]
                    self._answer(op, outcome, cause, lines)

    def _cancel(self, op: str, target: str, cause: int | None) -> None:
        run = composite.named(target, self._composites.values(), self._operations())
        if run is None:
            self.post(LPAR_CONTROL, m.CancelOperation(op, target), cause)
            return
        self._advance(run.op, parts.CancelAsked(op), cause)

    # --- displays, paths, consoles ------------------------------------------------------------------------

    def _display(self, op: str, what: str, cause: int | None) -> None:
        match what:
            case "FRAME" | "STORAGE":
                total = self._frames * PAGE_BYTES
                self._commands[op].show = (
                    (lambda seen: frame_lines(seen.rows, total, seen.retired, self._lpars.values()))
                    if what == "FRAME"
                    else (lambda seen: storage_lines(seen.rows, total, seen.retired, seen.beside))
                )
                self.post(RESOURCE_MANAGER, m.QueryFrame(op), cause)
            case "DEVICES":
                self._answer_lines(op, device_lines(self._devices, self._paths, self._varied_off), cause)
            case "OPERATIONS":
                self._answer_lines(op, operation_lines(self.operations()), cause)
            case _:
                assert what == "CALIBRATION", f"the parser knows no DISPLAY {what}"
                self._answer_lines(op, calibration_lines(self._calibration()), cause)

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

    def _tell(self, news: News) -> None:
        for listener in self._listeners:
            listener(news)
