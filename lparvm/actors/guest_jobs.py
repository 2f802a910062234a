"""LPAR control's helper tasks for guests: check a definition, load, verify; and clearing for them.

As `storage_jobs`: a job can be begun again after its task died with LPAR control. All is told, and LPAR control is
answered, in one step at the end.
"""

from collections.abc import Callable

import trio
from attrs import evolve

from lparvm.actors.control_records import Operation
from lparvm.actors.guest_table import GuestTable
from lparvm.actors.storage_work import StorageWork
from lparvm.arch.address import Zone
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.storage.expanded_storage import ExpandedStorage
from lparvm.trace.writer import TraceLogger
from lparvm.units import NS_PER_S

Post = Callable[[object, int | None], object]
GuestWork = o.ClearZone | o.CheckGuest | o.LoadGuest | o.VerifyGuest


class GuestJobs:
    """What LPAR control can have done with guests."""

    def __init__(
        self, log: TraceLogger, work: StorageWork, guests: GuestTable, expanded: ExpandedStorage, post: Post
    ) -> None:
        """`post` puts a message into LPAR control's own mailbox."""
        self._log, self._work, self._guests, self._expanded = log, work, guests, expanded
        self._post = post

    def begin(self, nursery: trio.Nursery, operation: Operation) -> None:
        """Do `operation.work`."""
        match operation.work:
            case o.ClearZone(zone=zone):
                nursery.start_soon(self._clear, operation, zone)
            case o.CheckGuest() as order:
                nursery.start_soon(self._check, operation, order)
            case o.LoadGuest() as order:
                nursery.start_soon(self._load, operation, order)
            case o.VerifyGuest() as order:
                nursery.start_soon(self._verify, operation, order)

    def _end(self, operation: Operation, message: object, cause: int | None) -> None:
        operation.work = None
        self._post(message, cause)

    async def _clear(self, operation: Operation, zone: Zone) -> None:
        await self._work.clear(zone)
        self._end(operation, m.FramesCleared(operation.record.op), operation.cause)

    async def _check(self, operation: Operation, order: o.CheckGuest) -> None:
        # Somebody's own module may take its time to be imported, and other partitions run on.
        problem = await self._work.run(lambda: self._guests.check(order.lpar, order.definition))
        self._end(operation, m.GuestChecked(operation.record.op, problem), operation.cause)

    async def _load(self, operation: Operation, order: o.LoadGuest) -> None:
        """IPL. Under the virtual clock it takes as long as to move so many bytes."""
        op, zone = operation.record.op, order.zone
        await self._work.clear(zone)
        self._expanded.clear(order.lpar)
        clock = self._work.clock
        if clock.virtual:
            await clock.sleep_ns(zone.extent_bytes * NS_PER_S // self._work.transfer_rate)
        # Under the real clock in a thread: the guest's code may take its time, and other partitions run on.
        problem = await self._work.run(
            lambda: self._guests.load(order.lpar, order.definition, zone, keep_failed=False)
        )
        cause = operation.cause
        if problem:
            # What the guest had stored until it failed: no guest is in an activated LPAR, and its zone is clear.
            await self._work.clear(zone)
            self._expanded.clear(order.lpar)
        if not problem:
            cause = self._log.emit(
                "guest.loaded", op=op, cause=cause, lpar=order.lpar, guest=order.definition.guest,
                origin_frame=zone.origin, extent_frames=zone.extent,
            )  # fmt: skip
        self._end(operation, m.GuestLoaded(op, problem), cause)

    async def _verify(self, operation: Operation, order: o.VerifyGuest) -> None:
        op = operation.record.op
        began_ns = self._work.clock.now_ns()
        life = await self._work.run(lambda: self._guests.verify(order.lpar, order.zone))
        life = evolve(life, checked_ns=self._work.clock.now_ns() - began_ns)
        cause = self._guests.end(
            order.lpar, life, self._log, op=op, cause=operation.cause, ended_by=order.ended_by,
            failed=order.failed,
        )  # fmt: skip
        self._end(operation, m.GuestVerified(op), cause)
