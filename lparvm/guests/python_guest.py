"""Guests written in Python: one generator for each processor.

A plain `yield` is an instruction boundary, where a stop or the end of a time slice may fall; `yield` of a
request (`WaitForInterruption`, an I/O instruction) leaves SIE, and the value of that expression is the reply.

Invariants:

- Between two yields a program runs alone: no other processor, no I/O, no relocation comes between.
- IPL and final check have processors of their own, so that what they touch is in no slice's account.
"""

import traceback
from collections.abc import Generator, Sequence
from typing import Any

from attrs import define

from lparvm.arch.interception import (
    REQUESTS,
    GuestError,
    Interception,
    ProgramCheck,
    ProgramEnded,
    TimeSliceEnded,
)
from lparvm.arch.interruption import ProgramInterruption
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

_TIME_SLICE_ENDED = TimeSliceEnded()
_PROGRAM_ENDED = ProgramEnded()


@define
class _Thread:
    """One processor and its program; `ended` is what every further run returns."""

    cpu: Processor
    program: Program | None = None
    ended: Interception | None = None


class PythonGuest(Guest):
    """A guest whose processors run Python generators. Override `program`, and `ipl` and `check` if wanted."""

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options; storage is first touched by `load`."""
        super().__init__(setup)
        self.seed = stream_seed(setup.seed, "guest", setup.lpar, self.options["seed"])
        self._threads: list[_Thread] = []

    # What a guest's author writes.

    def ipl(self, cpu: Processor) -> None:
        """Put the initial contents into the zone, which is all zero; `cpu` is the first processor."""

    def program(self, cpu: Processor) -> Program:
        """What each processor runs."""
        raise NotImplementedError(f"{type(self).__name__} has no program(); expected a generator of yields")

    def check(self, cpu: Processor) -> None:
        """The final check: compare all storage with what it should hold, and call `cpu.damaged`."""

    # The contract with the LIP.

    def load(self, states: Sequence[StateDescription]) -> None:
        """IPL; see `Guest.load`."""
        assert not self._threads, "a guest is loaded once"
        assert [state.cpu_address for state in states] == list(range(len(self.setup.lips)))
        lips = self.setup.lips
        self._threads = [
            _Thread(self._processor(state, lip, index))
            for index, (state, lip) in enumerate(zip(states, lips, strict=True))
        ]
        failed = self._guarded(self.ipl, self._processor(states[0], lips[0], "ipl"))
        for thread in self._threads:
            if failed is None:
                thread.ended = self._guarded(self._begin, thread)
            else:
                thread.ended = failed

    def run(self, state: StateDescription, budget: int) -> Interception:
        """SIE; see `Guest.run`. The emulator's hot path."""
        thread = self._threads[state.cpu_address]
        program, cpu = thread.program, thread.cpu
        if thread.ended is not None:
            return thread.ended
        assert program is not None, "loaded before it is run"
        cpu.state = state
        begin = cpu.instructions
        end = begin + budget
        reply, state.reply = state.reply, None
        try:
            request: Any = program.send(reply)
            while request is None:
                cpu.instructions += 1
                if cpu.instructions >= end:
                    return _TIME_SLICE_ENDED
                request = next(program)
        except StopIteration:
            thread.ended = _PROGRAM_ENDED
        except ProgramInterruption as interruption:
            thread.ended = ProgramCheck(int(interruption.code), interruption.address)
        except Exception as error:  # noqa: BLE001 - a guest's own exception stops its LPAR, not the machine
            thread.ended = self._error(error)
        else:
            if isinstance(request, REQUESTS):
                return request
            thread.ended = _not_a_request(request, program)
        finally:
            state.instructions += cpu.instructions - begin
        thread.program = None
        return thread.ended

    def take_span(self, state: StateDescription) -> Span:
        """What this processor touched; see `Guest.take_span`."""
        return self._threads[state.cpu_address].cpu.take_span()

    def observe(self, observer: Observer | None) -> None:
        """Have each access told; see `Guest.observe`."""
        for thread in self._threads:
            thread.cpu.observer = observer

    def verify(self, states: Sequence[StateDescription]) -> GuestError | ProgramCheck | None:
        """The final check; see `Guest.verify`."""
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


def _file_name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _not_a_request(value: object, program: Any) -> GuestError:
    """What was yielded, and where: the innermost generator below `yield from` is the one that yielded."""
    while isinstance(program.gi_yieldfrom, Generator):
        program = program.gi_yieldfrom
    place = f"{_file_name(program.gi_code.co_filename)}:{program.gi_frame.f_lineno}"
    expected = ", ".join(request.__name__ for request in REQUESTS)
    return GuestError(f"yielded {value!r:.60} ({place}); expected a plain yield or one of {expected}")
