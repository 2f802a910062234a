"""Errors around the relocation: LPARs that come, go, grow and shrink; frames that fail; LPAR control that dies."""

from typing import Any

import trio
from attrs import evolve

from lparvm.actors.control_records import Operation
from lparvm.actors.lpar_control import LparControl
from lparvm.actors.resource_manager import ResourceManager
from lparvm.actors.storage_jobs import StorageJobs
from lparvm.actors.storage_work import StorageWork
from lparvm.arch.address import Zone
from lparvm.assembly import Parts
from lparvm.devices.base import Device
from lparvm.protocol import channel_subsystem as cs
from lparvm.protocol import io_orders as io
from lparvm.protocol import io_processor, operations
from lparvm.protocol import orders as o
from lparvm.protocol.admission import Circumstances, Decision
from lparvm.protocol.io_processor import IoProcessor
from lparvm.stress.mutants.mutant import Mutant, Patch


class ManagerThatRetiresNothing(ResourceManager):
    """A frame that failed stays in use."""

    def _retire(self, op: str, frame: int, cause: int | None) -> None:
        pass


class ControlThatForgetsTimers(LparControl):
    """When it is started again, it does not set the timers that ran."""

    def _resume(self, operation: Operation) -> None:
        deadlines, operation.deadlines = operation.deadlines, {}
        super()._resume(operation)
        operation.deadlines = deadlines


class ControlThatDropsTheMessageInHand(LparControl):
    """When it is started again, what it was handling is gone."""

    async def loop(self) -> None:
        """As ever, with empty hands."""
        self._records.in_hand = None
        await super().loop()


class ControlWithOneTimerOfAKind(LparControl):
    """Keeps its timers by kind, for all operations together."""

    def _run_timer(self, operation: Operation, timer: o.Timer, duration_ns: int) -> None:
        scope = self._timers["", timer] = trio.CancelScope()
        self.nursery.start_soon(self._time, scope, operation, timer, duration_ns, operation.cause)

    def _stop_timer(self, operation: Operation, timer: o.Timer) -> None:
        operation.deadlines.pop(timer, None)
        scope = self._timers.pop(("", timer), None)
        if scope is not None:
            scope.cancel()


def _begin_anew(
    jobs: StorageJobs, nursery: trio.Nursery, operation: Operation, *, again: bool = False
) -> None:
    """`StorageJobs.begin`; a move that an earlier LPAR control began is begun from its first page."""
    if again and isinstance(operation.work, o.BeginMove):
        operation.moved = None
        again = False
    _begin(jobs, nursery, operation, again=again)


_begin = StorageJobs.begin


async def _clear_nothing(_work: StorageWork, _zone: Zone) -> None:
    """`StorageWork.clear`, which finds that there is nothing to do."""
    await trio.lowlevel.checkpoint()


async def _find_unused(_work: StorageWork, _zone: Zone) -> bool:
    """`StorageWork.verify_untouched`, without a look."""
    await trio.lowlevel.checkpoint()
    return True


def _keep_reservation(device: Device, user: str) -> None:
    """`Device.reset`, where the LPAR's reservation stays."""
    device._sense.pop(user, None)


def _confirm_reset_only(state: IoProcessor, op: str, lpar: str) -> tuple[IoProcessor, tuple[io.Order, ...]]:
    """`io_processor._reset`, which clears nothing."""
    return state, (io.ConfirmReset(op, lpar, 0),)


def _reset_status_only(state: cs.ChannelSubsystem) -> cs.Step:
    """`channel_subsystem.end_reset`, where requests for interruption stay."""
    after, _ = _end_reset(evolve(state, requests=()))
    return evolve(after, requests=state.requests), ()


_end_reset = cs.end_reset


def _admit_whatever_is_under_way(message: Any, now: Circumstances) -> Decision:
    """`operations.admit`, without a look at who holds the LPARs."""
    return _admit(message, evolve(now, held={}))


_admit = operations.admit

MUTANTS = (
    Mutant(
        "second-operation-admitted",
        "A second operation on an LPAR is not refused.",
        patches=(Patch(operations, "admit", _admit_whatever_is_under_way),),
    ),
    Mutant(
        "timers-shared",
        "LPAR control keeps its timers by kind: one operation stops another's.",
        Parts(lpar_control=ControlWithOneTimerOfAKind),
    ),
    Mutant(
        "control-restart-repeats-chunk",
        "LPAR control, started again, goes on with a move from its first page and not from the cursor.",
        patches=(Patch(StorageJobs, "begin", _begin_anew),),
    ),
    Mutant(
        "control-restart-forgets-timer",
        "LPAR control, started again, does not set the timers that ran.",
        Parts(lpar_control=ControlThatForgetsTimers),
    ),
    Mutant(
        "control-restart-drops-message",
        "LPAR control, started again, has lost the message that it was handling.",
        Parts(lpar_control=ControlThatDropsTheMessageInHand),
    ),
    Mutant(
        "faulty-frame-not-retired",
        "A frame at which the mover had a machine check stays in use.",
        Parts(resource_manager=ManagerThatRetiresNothing),
    ),
    Mutant(
        "expand-not-cleared",
        "Frames that an LPAR gets, by EXPAND, ACTIVATE or IPL, keep what they held before.",
        patches=(Patch(StorageWork, "clear", _clear_nothing),),
    ),
    Mutant(
        "shrink-unproven",
        "SHRINK takes frames from a guest that does not answer without looking whether they are in use.",
        patches=(Patch(StorageWork, "verify_untouched", _find_unused),),
    ),
    Mutant(
        "reset-skips-io",
        "A system reset clears no I/O at the IOPs.",
        patches=(Patch(io_processor, "_reset", _confirm_reset_only),),
    ),
    Mutant(
        "reset-keeps-interruptions",
        "Interruptions that were pending at a system reset are presented to the next guest.",
        patches=(Patch(cs, "end_reset", _reset_status_only),),
    ),
    Mutant(
        "device-reservation-kept",
        "A device that an LPAR had reserved stays so after its system reset.",
        patches=(Patch(Device, "reset", _keep_reservation),),
    ),
)
