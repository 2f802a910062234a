"""Guests written in Python: one generator for each processor.

A plain `yield` is an instruction boundary, where a stop or the end of a time slice may fall; `yield` of a
request (`WaitForInterruption`, an I/O instruction) leaves SIE, and the value of that expression is the reply.

Invariants:

- Between two yields a program runs alone: no other processor, no I/O, no relocation comes between.
- IPL and final check have processors of their own, so that what they touch is in no slice's account.
- A guest whose `ipl` raised runs nothing and is not checked: nothing says what its storage should hold.
- A service signal is taken where a run begins: the first processor's program stands still, its handler runs to its
  end, then the program goes on with the reply that was there for it. No second signal is taken meanwhile.
"""

import sys
import traceback
from collections.abc import Generator, Sequence
from typing import Any

from attrs import define

from lparvm.arch.address import PAGE_SHIFT
from lparvm.arch.interception import (
    REQUESTS,
    GuestError,
    Interception,
    ProgramCheck,
    ProgramEnded,
    ServiceCall,
    TimeSliceEnded,
    WaitForInterruption,
)
from lparvm.arch.interruption import ProgramInterruption
from lparvm.arch.service_signal import (
    ServiceSignal,
    StorageGivenUp,
    StorageGrown,
    StorageKept,
    StorageUsed,
)
from lparvm.arch.state_description import StateDescription
from lparvm.guests.base import Damage, Guest, GuestSetup
from lparvm.guests.processor import Processor
from lparvm.storage.access import Span
from lparvm.storage.view import Observer
from lparvm.units import stream_seed

Program = Generator[Any, Any, None]
"""What `PythonGuest.program` returns: it yields None or a request, and is sent the request's reply.

Type checkers want a value at each yield of a generator that may yield requests, so it is `Any` to them; what
is yielded is checked as it comes.
"""

HANDLER_INSTRUCTIONS = 50
"""Instructions of a slice at most while a handler runs: some of them take as long as a hundred others, and a stop waits
for the end of the slice."""

_TIME_SLICE_ENDED = TimeSliceEnded()
_PROGRAM_ENDED = ProgramEnded()


@define
class _Interrupted:
    """A program that stands still for a handler: what `_Thread` held of it, the reply it gets, the handler."""

    program: Program | None
    ended: Interception | None
    request: Interception | None
    reply: Any
    handler: Any = None


@define
class _Thread:
    """One processor and its program.

    Attributes:
        program: what it runs: its program, or a handler.
        ended: what every further run returns.
        request: the request that the last run returned, if it did return one.
        interrupted: its program, while a handler runs.
        budget_max: instructions of a slice at most.
    """

    cpu: Processor
    program: Program | None = None
    ended: Interception | None = None
    request: Interception | None = None
    interrupted: _Interrupted | None = None
    budget_max: int = sys.maxsize

    @property
    def own_program(self) -> Any:
        """What runs of the guest's own code."""
        return self.program if self.interrupted is None else self.interrupted.handler

    @property
    def failed(self) -> bool:
        """Whether it can run nothing any more."""
        return self.ended is not None and self.ended is not _PROGRAM_ENDED


class PythonGuest(Guest):
    """A guest whose processors run Python generators. Override `program`, and `ipl` and `check` if wanted."""

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options; storage is first touched by `load`."""
        super().__init__(setup)
        self.seed = stream_seed(setup.seed, "guest", setup.lpar, self.options["seed"])
        self._threads: list[_Thread] = []
        self._extent_used = 0
        self._ipl_failure: GuestError | ProgramCheck | None = None

    # What a guest's author writes.

    def ipl(self, cpu: Processor) -> None:
        """Put the initial contents into the zone, which is all zero; `cpu` is the first processor."""

    def program(self, cpu: Processor) -> Program:
        """What each processor runs."""
        raise NotImplementedError(f"{type(self).__name__} has no program(); expected a generator of yields")

    def check(self, cpu: Processor) -> None:
        """The final check: compare all storage with what it should hold, and call `cpu.damaged`.

        Not called where `ipl` raised.
        """

    def service_signal(self, cpu: Processor, signal: ServiceSignal) -> Program:
        """Handler of service signals; it runs on the first processor, while that one's program stands still.

        It makes one `ServiceCall`; the reply is the extent in force. Where it makes none, this one's is made: the guest
        does not use storage that is added, and gives up only such storage. A wait that was interrupted begins anew when
        the handler has ended. A guest without an own handler takes no signals: it is not told of storage that is added,
        and what SHRINK takes must be proven unused.

        Before it says `StorageGivenUp`, *no* processor may have an access to such pages before it any more: one that
        chose an address and yielded since must look again.
        """
        extent = cpu.extent_bytes >> PAGE_SHIFT
        match signal:
            case StorageGrown():
                yield ServiceCall(StorageUsed(extent))
            case _ if signal.extent >= extent:
                yield ServiceCall(StorageGivenUp(signal.extent))
            case _:
                yield ServiceCall(StorageKept("the guest does not give storage up"))

    # The contract with the LIP.

    def load(self, states: Sequence[StateDescription]) -> GuestError | ProgramCheck | None:
        """IPL; see `Guest.load`."""
        assert not self._threads, "a guest is loaded once"
        assert [state.cpu_address for state in states] == list(range(len(self.setup.lips)))
        lips, self._extent_used = self.setup.lips, states[0].zone.extent
        self._threads = [
            _Thread(self._processor(state, lip, index))
            for index, (state, lip) in enumerate(zip(states, lips, strict=True))
        ]
        failed = self._ipl_failure = self._guarded(self.ipl, self._processor(states[0], lips[0], "ipl"))
        for thread in self._threads:
            thread.ended = begun = self._guarded(self._begin, thread) if self._ipl_failure is None else failed
            failed = failed or begun
        return failed

    def run(self, state: StateDescription, budget: int) -> Interception:
        """SIE; see `Guest.run`. The emulator's hot path."""
        thread = self._threads[state.cpu_address]
        if state.service_signal is not None:
            self._take_signal(thread, state)
        program, cpu = thread.program, thread.cpu
        if thread.ended is not None:
            return thread.ended
        assert program is not None, "loaded before it is run"
        cpu.state, thread.request = state, None
        begin = cpu.instructions
        end = begin + min(budget, thread.budget_max)
        reply, state.reply = state.reply, None
        try:
            request: Any = program.send(reply)
            while request is None:
                cpu.instructions += 1
                if cpu.instructions >= end:
                    return _TIME_SLICE_ENDED
                request = next(program)
        except StopIteration:
            return _next_program(thread, state)
        except ProgramInterruption as interruption:
            thread.ended = ProgramCheck(int(interruption.code), interruption.address)
        except Exception as error:  # noqa: BLE001 - a guest's own exception stops its LPAR, not the machine
            thread.ended = self._error(error)
        else:
            if isinstance(request, REQUESTS):
                thread.request = request
                return request
            thread.ended = _not_a_request(request, thread.own_program)
        finally:
            state.instructions += cpu.instructions - begin
        thread.program = None
        return thread.ended

    def can_take_signal(self, state: StateDescription) -> bool:
        """Where it has a handler, unless a processor failed: others may wait for it, or for what it left half done."""
        del state
        handles = type(self).service_signal is not PythonGuest.service_signal
        return handles and bool(self._threads) and not any(thread.failed for thread in self._threads)

    def take_span(self, state: StateDescription) -> Span:
        """What this processor touched; see `Guest.take_span`."""
        return self._threads[state.cpu_address].cpu.take_span()

    def observe(self, observer: Observer | None) -> None:
        """Have each access told; see `Guest.observe`."""
        for thread in self._threads:
            thread.cpu.observer = observer

    def verify(self, states: Sequence[StateDescription]) -> GuestError | ProgramCheck | None:
        """The final check; see `Guest.verify`. After an `ipl` that failed nobody knows what storage should hold."""
        if self._ipl_failure is not None:
            return self._ipl_failure
        return self._guarded(self.check, self._processor(states[0], None, "check"))

    @property
    def steps(self) -> int:
        """Verified steps."""
        return sum(thread.cpu.steps for thread in self._threads)

    @property
    def fetches(self) -> int:
        """Words fetched."""
        return sum(thread.cpu.fetches_total for thread in self._threads)

    @property
    def stores(self) -> int:
        """Words stored."""
        return sum(thread.cpu.stores_total for thread in self._threads)

    # Service signals.

    def _take_signal(self, thread: _Thread, state: StateDescription) -> None:
        """Begin the handler, unless there is one already: then the signal stays pending."""
        signal = state.service_signal
        if thread.interrupted is not None or thread.failed or signal is None:
            return
        thread.interrupted = _Interrupted(thread.program, thread.ended, thread.request, state.reply)
        state.service_signal = state.reply = thread.ended = None
        thread.program = self._run_handler(thread.cpu, signal, thread.interrupted)
        thread.budget_max = HANDLER_INSTRUCTIONS

    def _run_handler(self, cpu: Processor, signal: ServiceSignal, interrupted: _Interrupted) -> Program:
        """Run a handler, and note what its service calls say; where it made none, the default's is made."""
        handler: object = self.service_signal(cpu, signal)
        interrupted.handler = handler
        if not isinstance(handler, Generator):
            name = f"{type(self).__name__}.service_signal"
            raise TypeError(f"{name} gave {handler!r:.60}; expected a generator, so a function with a yield")
        answered, reply = False, None
        while True:
            try:
                request = handler.send(reply)
            except StopIteration:
                break
            if isinstance(request, ServiceCall):
                answered = True
                reply = yield from self._service_call(request)
            else:
                reply = yield request
        if not answered:
            for request in PythonGuest.service_signal(self, cpu, signal):
                yield from self._service_call(request)

    def _service_call(self, request: ServiceCall) -> Generator[Any, Any, int]:
        """Make a service call; the guest's own extent is what it says, as far as that is in force."""
        answer, extent = request.answer, self._extent_used
        if isinstance(answer, StorageGivenUp):
            self._use_extent(min(extent, answer.extent))
        in_force: int = yield request
        if isinstance(answer, StorageUsed):
            extent = answer.extent
        self._use_extent(min(extent, in_force))
        return in_force

    def _use_extent(self, extent: int) -> None:
        self._extent_used = extent
        for thread in self._threads:
            thread.cpu.extent = extent

    # Inside.

    def _processor(self, state: StateDescription, lip: str | None, stream: int | str) -> Processor:
        return Processor(
            self.setup.storage,
            state,
            lip=lip,
            lip_count=len(self.setup.lips),
            seed=stream_seed(self.seed, stream),
            devices=self.setup.devices,
            options=self.options,
            report=self._report,
            expanded=self.setup.expanded,
            extent=self._extent_used,
        )

    def _report(self, address: int, expected: str, found: str, lip: str | None) -> None:
        self.add_damage(Damage(address, expected, found, lip))

    def _begin(self, thread: _Thread) -> None:
        program: object = self.program(thread.cpu)
        if not isinstance(program, Generator):
            name = f"{type(self).__name__}.program"
            raise TypeError(f"{name} gave {program!r:.60}; expected a generator, so a function with a yield")
        thread.program = program

    def _guarded(self, call: Any, argument: object) -> GuestError | ProgramCheck | None:
        """Run the guest's own code outside of a slice; what it does wrong, or None."""
        try:
            call(argument)
        except ProgramInterruption as interruption:
            return ProgramCheck(int(interruption.code), interruption.address)
        except Exception as error:  # noqa: BLE001 - as in run
            return self._error(error)
        return None

    def _error(self, error: Exception) -> GuestError:
        text = " ".join(str(error).split())
        name = type(error).__name__
        return GuestError(f"{name}{': ' if text else ''}{text} ({self._place(error)})")

    def _place(self, error: Exception) -> str:
        """File and line of the innermost frame in the guest's own file; the file by its last name only.

        The text stands in traces, which are the same on all machines: no path of this machine may be in it.
        """
        frames = list(traceback.walk_tb(error.__traceback__))
        modules = {cls.__module__ for cls in type(self).__mro__} - {__name__, Guest.__module__}
        own = [frame for frame in frames if frame[0].f_globals.get("__name__") in modules]
        frame, line = (own or frames)[-1]
        return f"{_file_name(frame.f_code.co_filename)}:{line}"


def _next_program(thread: _Thread, state: StateDescription) -> Interception:
    """What ran has ended; if that was a handler, the program that it interrupted is next, as it was."""
    interrupted = thread.interrupted
    if interrupted is None:
        thread.program, thread.ended = None, _PROGRAM_ENDED
        return thread.ended
    thread.program, thread.ended = interrupted.program, interrupted.ended
    thread.request, state.reply = interrupted.request, interrupted.reply
    thread.interrupted, thread.budget_max = None, sys.maxsize
    if state.service_signal is None:
        if thread.ended is not None:
            return thread.ended
        if isinstance(thread.request, WaitForInterruption) and interrupted.reply is None:
            return thread.request  # the wait PSW is loaded again
    return _TIME_SLICE_ENDED


def _file_name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _not_a_request(value: object, program: Any) -> GuestError:
    """What was yielded, and where: the innermost generator below `yield from` is the one that yielded."""
    while isinstance(program.gi_yieldfrom, Generator):
        program = program.gi_yieldfrom
    place = f"{_file_name(program.gi_code.co_filename)}:{program.gi_frame.f_lineno}"
    expected = ", ".join(request.__name__ for request in REQUESTS)
    return GuestError(f"yielded {value!r:.60} ({place}); expected a plain yield or one of {expected}")
