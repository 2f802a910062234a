"""The guests that are loaded, and those whose life has ended: a look-up that actors share.

LPAR control's helper fills it (IPL) and takes guests out of it (the end of a life); a LIP takes guest and state
description from it when it is told to take up a guest. Between these two messages nobody touches them.
"""

from contextlib import closing

from attrs import define, evolve, frozen

from lparvm.arch.address import Zone
from lparvm.arch.interception import GuestError, ProgramCheck
from lparvm.arch.state_description import StateDescription
from lparvm.config import LIVES_KEPT_MAX
from lparvm.errors import UsageError
from lparvm.guests.base import Damage, Guest, GuestSetup
from lparvm.guests.registry import load_guest
from lparvm.protocol.lpar_entry import Definition
from lparvm.storage.expanded_storage import ExpandedStorage
from lparvm.storage.main_storage import MainStorage
from lparvm.trace.writer import TraceLogger


@define(eq=False)
class Loaded:
    """A guest in an LPAR.

    Attributes:
        name: what IPL loaded.
        guest: it.
        states: the state descriptions of its processors, in their order.
    """

    name: str
    guest: Guest
    states: list[StateDescription]


@frozen
class Life:
    """A guest's life from IPL to its end, after its final check.

    Attributes:
        guest: what was loaded.
        lip_count: how many LIPs ran it.
        steps: steps of work done and verified.
        stores: words stored.
        fetches: words fetched.
        damage: damage found, as far as it is kept in detail.
        damage_count: all damage found.
        failed: it could not go on, or could not be checked.
        ended_by: the command that ended it; empty: the run ended.
        checked_ns: how long the final check took, run clock; 0 under the virtual one, and at the end of the run.
    """

    guest: str
    lip_count: int
    steps: int
    stores: int
    fetches: int
    damage: tuple[Damage, ...] = ()
    damage_count: int = 0
    failed: bool = False
    ended_by: str = ""
    checked_ns: int = 0


class GuestTable:
    """By LPAR.

    Attributes:
        loaded: the guests that are loaded.
        lives: those whose life has ended, oldest first; of one LPAR so many as `LIVES_KEPT_MAX` says.
    """

    def __init__(self, storage: MainStorage, expanded: ExpandedStorage, seed: int) -> None:
        """Nothing is loaded; `seed` is that of the run."""
        self._storage, self._expanded, self._seed = storage, expanded, seed
        self.loaded: dict[str, Loaded] = {}
        self.lives: dict[str, list[Life]] = {}

    def find(self, lpar: str, lip: str) -> tuple[Guest, StateDescription]:
        """The guest of an LPAR, and the state description of its processor on a LIP."""
        loaded = self.loaded[lpar]
        return loaded.guest, next(state for state in loaded.states if state.lip == lip)

    def check(self, lpar: str, definition: Definition) -> str:
        """Why there is no such guest, or why it doesn't take its options; empty: it can be made."""
        try:
            # An LPAR that isn't active has no expanded storage now: what counts is how much it will have.
            with closing(ExpandedStorage(definition.expanded_blocks)) as expanded:
                expanded.assign(lpar, definition.expanded_blocks)
                self._make(lpar, definition, expanded)
        except UsageError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - somebody's own guest may raise anything
            return _problem(error)
        return ""

    def load(self, lpar: str, definition: Definition, zone: Zone, *, keep_failed: bool = True) -> str:
        """IPL of a new guest into a zone that was cleared; returns the problem, or nothing.

        In time: what the guest's `load` takes. Nothing is kept where there is a problem.

        Args:
            lpar: where.
            definition: with the guest, its options and its LIPs.
            zone: the LPAR's.
            keep_failed: a guest whose own code failed meanwhile is loaded all the same, and fails at its first SIE.
        """
        area = self._expanded.area_of(lpar)
        states = [
            StateDescription(
                lpar, lip, cpu_address, zone, expanded_origin=area.origin, expanded_blocks=area.blocks
            )
            for cpu_address, lip in enumerate(definition.lips)
        ]
        try:
            guest = self._make(lpar, definition, self._expanded)
            failure = guest.load(states)
        except UsageError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - as above
            return _problem(error)
        if failure is not None and not keep_failed:
            return _failure_text(failure)
        self.loaded[lpar] = Loaded(definition.guest, guest, states)
        return ""

    def verify(self, lpar: str, zone: Zone) -> Life:
        """The final check of the guest that is loaded; its life so far. It may be made again.

        Args:
            lpar: its LPAR; no LIP runs it.
            zone: where its pages are by the map.
        """
        loaded = self.loaded[lpar]
        guest = loaded.guest
        # What the run itself touched is counted; the final check is not.
        steps, stores, fetches = guest.steps, guest.stores, guest.fetches
        for state in loaded.states:
            # The map says where the pages are, also where not every LIP was told.
            state.zone = zone
        failure: GuestError | ProgramCheck | None = guest.verify(loaded.states)
        return Life(
            loaded.name, len(loaded.states), steps, stores, fetches, tuple(guest.damage), guest.damage_count,
            failure is not None,
        )  # fmt: skip

    def end(
        self, lpar: str, life: Life, log: TraceLogger, *, op: str | None = None, cause: int | None = None,
        ended_by: str = "", failed: bool = False,
    ) -> int | None:  # fmt: skip
        """Tell the check's facts; the guest is loaded no more. Returns the last event.

        Args:
            lpar: whose guest's life has ended.
            life: from `verify`.
            log: who tells it.
            op: the operation.
            cause: the event that caused it.
            ended_by: the command.
            failed: the guest had failed before.
        """
        guest = self.loaded.pop(lpar).guest
        for damage in guest.take_damage():
            cause = log.emit(
                "guest.damaged", op=op, cause=cause, lpar=lpar, lip=damage.lip, address=damage.address,
                expected=damage.expected, found=damage.found,
            )  # fmt: skip
        cause = log.emit(
            "guest.verified", op=op, cause=cause, lpar=lpar, guest=life.guest, steps=life.steps,
            damage=life.damage_count,
        )  # fmt: skip
        ended = evolve(life, failed=life.failed or failed, ended_by=ended_by)
        lives = self.lives.setdefault(lpar, [])
        lives.append(ended)
        if len(lives) > LIVES_KEPT_MAX:
            # The oldest without a fault: what was wrong decides the verdict.
            lives.remove(next((life for life in lives if not (life.damage_count or life.failed)), lives[0]))
        return cause

    def _make(self, lpar: str, definition: Definition, expanded: ExpandedStorage) -> Guest:
        setup = GuestSetup(
            lpar=lpar, lips=definition.lips, seed=self._seed, options=dict(definition.options),
            devices=definition.devices, storage=self._storage, expanded=expanded,
        )  # fmt: skip
        return load_guest(definition.guest)(setup)


def _failure_text(failure: GuestError | ProgramCheck) -> str:
    if isinstance(failure, GuestError):
        return failure.text
    return f"program interruption {failure.code:04X} at guest absolute {failure.address:#x}"


def _problem(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}{': ' if text else ''}{text}"
