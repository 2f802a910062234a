"""The service processor's commands as methods, for programs. Each writes the command's text and waits for its answer.

Sizes and addresses are in bytes, durations in ns. What is judged, and how each command may end, is the same as
for a text: the answer has the result code. Only a name or a text that the language cannot write raises
`CommandError`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from lparvm.protocol.news import CommandResult


class OperatorCommands(ABC):
    """What can be ordered of a machine."""

    @abstractmethod
    async def execute(self, text: str) -> CommandResult:
        """Give a command and wait for its answer.

        Args:
            text: a command of the service processor's language, such as `MVSTOR LPAR2 HSA=192M`.

        Raises:
            CommandError: the text is no command; nothing was done.
        """

    # --- where LPARs are ----------------------------------------------------------------------------------

    async def move_storage(
        self,
        lpar: str,
        hsa_bytes: int | None = None,
        *,
        before: str | None = None,
        after: str | None = None,
        expand: str | None = None,
        expand_bytes: int | None = None,
        stop_ns: int | None = None,
        quiesce_ns: int | None = None,
        busy: str | None = None,
        test: bool = False,
    ) -> CommandResult:
        """MVSTOR: move an LPAR's zone; without `hsa_bytes`, `before` and `after` to the end of main storage.

        Args:
            lpar: its name.
            hsa_bytes: the new origin, host absolute address in bytes.
            before: the LPAR that it is to end at.
            after: the LPAR that it is to begin behind.
            expand: the LPAR to be expanded afterwards.
            expand_bytes: its new total size; None: as far as it goes.
            stop_ns: how long the LIPs may take to stop.
            quiesce_ns: how long the I/O may take to end.
            busy: what to do when it takes longer: REFUSE, WAIT or HALT.
            test: only check; nothing is moved.
        """
        targets = _values(HSA=hsa_bytes, BEFORE=before, AFTER=after) or ["END"]
        grown = None
        if expand is not None:
            grown = expand if expand_bytes is None else f"{expand},SIZE={expand_bytes}"
        return await self._give("MVSTOR", lpar, *targets, *_values(
            EXPAND=grown, STOP=_ns(stop_ns), QUIESCE=_ns(quiesce_ns), BUSY=busy, TEST=test
        ))  # fmt: skip

    async def exchange(
        self,
        first: str,
        second: str,
        *,
        quiesce_ns: int | None = None,
        busy: str | None = None,
        test: bool = False,
    ) -> CommandResult:
        """XCHSTOR: exchange the areas of two LPARs; the rest is as for a move."""
        waits = _values(QUIESCE=_ns(quiesce_ns), BUSY=busy, TEST=test)
        return await self._give("XCHSTOR", first, second, *waits)

    async def expand(self, lpar: str, size_bytes: int) -> CommandResult:
        """EXPAND an LPAR upwards to a new total size."""
        return await self._give("EXPAND", lpar, f"SIZE={size_bytes}")

    async def shrink(self, lpar: str, size_bytes: int) -> CommandResult:
        """SHRINK an LPAR to a new total size: it loses its highest frames, where its guest can do without."""
        return await self._give("SHRINK", lpar, f"SIZE={size_bytes}")

    async def plan_free(self, size_bytes: int, *, go: bool = False) -> CommandResult:
        """PLAN FREE: which moves and exchanges make that much room in one piece; with `go`, make it."""
        return await self._give("PLAN", "FREE", str(size_bytes), *_values(GO=go))

    async def plan_expand(self, lpar: str, size_bytes: int, *, go: bool = False) -> CommandResult:
        """PLAN EXPAND: which moves and exchanges let an LPAR grow to a new total size; with `go`, expand it so."""
        return await self._give("PLAN", "EXPAND", lpar, f"SIZE={size_bytes}", *_values(GO=go))

    # --- the coming and going of LPARs --------------------------------------------------------------------

    async def define(
        self,
        lpar: str,
        size_bytes: int,
        *,
        origin_bytes: int | None = None,
        lips: int | Sequence[str] | None = None,
        guest: str | None = None,
        devices: Sequence[int] = (),
    ) -> CommandResult:
        """DEFINE an LPAR, or one that is not active anew.

        Args:
            lpar: its name.
            size_bytes: its size.
            origin_bytes: where it is to be, host absolute; None: where it fits.
            lips: how many, or which; None: one.
            guest: what IPL loads.
            devices: device numbers.
        """
        named = lips if lips is None or isinstance(lips, int) else ",".join(lips)
        numbers = ",".join(f"{number:04X}" for number in devices) or None
        return await self._give("DEFINE", lpar, *_values(
            SIZE=size_bytes, ORIGIN=origin_bytes, LIPS=named, GUEST=guest, DEVICES=numbers
        ))  # fmt: skip

    async def activate(self, lpar: str) -> CommandResult:
        """ACTIVATE a defined LPAR: it gets its zone and its IOPs."""
        return await self._give("ACTIVATE", lpar)

    async def deactivate(self, lpar: str) -> CommandResult:
        """DEACTIVATE an LPAR: it gives up all it has, its guest's storage too."""
        return await self._give("DEACTIVATE", lpar)

    async def ipl(self, lpar: str, *, guest: str | None = None, device: int | None = None) -> CommandResult:
        """IPL: load a guest, by name or from a device, and run it; None: the one of the definition."""
        number = None if device is None else f"{device:04X}"
        return await self._give("IPL", lpar, *_values(GUEST=guest, DEVICE=number))

    async def stop_lpar(self, lpar: str) -> CommandResult:
        """STOP: the guest stands until START."""
        return await self._give("STOP", lpar)

    async def start_lpar(self, lpar: str) -> CommandResult:
        """START: the guest goes on."""
        return await self._give("START", lpar)

    # --- the rest -----------------------------------------------------------------------------------------

    async def reply(self, lpar: str, text: str) -> CommandResult:
        """REPLY: a line for the console of an LPAR."""
        return await self._give("REPLY", lpar, f'"{text}"')

    async def vary_path(self, iop: str, device: int, *, online: bool) -> CommandResult:
        """VARY PATH: take a path to a device on or off line."""
        return await self._give("VARY PATH", f"{iop}.{device:04X}", "ON" if online else "OFF")

    async def cancel(self, target: str) -> CommandResult:
        """CANCEL an operation, by its id or its LPAR."""
        return await self._give("CANCEL", target)

    async def display(self, what: str) -> CommandResult:
        """DISPLAY FRAME, STORAGE, DEVICES, OPERATIONS or CALIBRATION."""
        return await self._give("DISPLAY", what)

    async def _give(self, *words: str) -> CommandResult:
        return await self.execute(" ".join(words))


def _ns(duration_ns: int | None) -> str | None:
    return None if duration_ns is None else f"{duration_ns}ns"


def _values(**given: object) -> list[str]:
    """`KEYWORD=value` of what was given, and the flags that are set."""
    words = []
    for keyword, value in given.items():
        if value is True:
            words.append(keyword)
        elif value is not None and value is not False:
            words.append(f"{keyword}={value}")
    return words
