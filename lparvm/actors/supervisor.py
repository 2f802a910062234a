"""Starts a control part again when it died; its records and its mailbox outlive it."""

from collections.abc import Callable

from lparvm.actors.control_records import ControlRecords, PartDied
from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.config import PART_RESTART_NS
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import SERVICE_PROCESSOR
from lparvm.protocol.results import message_text
from lparvm.trace.writer import TraceLogger
from lparvm.units import format_duration


class Supervisor:
    """Of LPAR control."""

    def __init__(
        self, make: Callable[[], Actor], records: ControlRecords, log: TraceLogger, clock: RunClock,
        operator: Mailbox,
    ) -> None:  # fmt: skip
        """Take over a part.

        Args:
            make: makes it, from the records.
            records: what outlives it.
            log: of the part.
            clock: the run clock.
            operator: the service processor's mailbox.
        """
        self._make, self._records, self._log, self._clock = make, records, log, clock
        self._operator = operator
        self.part = make()

    @property
    def name(self) -> str:
        """That of the part."""
        return self.part.name

    @property
    def mailbox(self) -> Mailbox:
        """That of the part."""
        return self.part.mailbox

    async def run(self) -> None:
        """Run it, again and again, until cancelled."""
        while True:
            died = False
            try:
                await self.part.run()
            except* PartDied:
                died = True
            assert died, "an actor runs until it is cancelled, or dies"
            await self._start_again()

    async def _start_again(self) -> None:
        in_hand = self._records.in_hand
        message = None if in_hand is None else type(in_hand.message).__name__
        name = self.part.name
        cause = self._log.emit("part.failed", part=name, message=message)
        await self._clock.sleep_ns(PART_RESTART_NS)
        operations = list(self._records.operations)
        cause = self._log.emit("part.restarted", cause=cause, part=name, operations=operations)
        when = f"{format_duration(PART_RESTART_NS)} ago"
        told = m.OperatorMessaged(None, "LVM066I", message_text("LVM066I", part=name, when=when))
        seq = self._log.emit_message(SERVICE_PROCESSOR, told, cause=cause)
        self._operator.put(Envelope(told, name, seq))
        self.part = self._make()
