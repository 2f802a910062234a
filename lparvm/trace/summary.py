"""What a trace comes to, in one pass and bounded memory: aggregates by operation, LPAR, LIP, device, actor and event.

What the trace's level leaves out is not guessed: `Summary.untold` says what can't be known.

What is kept grows with the machine (LPARs, LIPs, devices, actors) and with the commands, of which the first
`TRACE_SUMMARY_COMMANDS_MAX` are told one by one; never with the events.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

from attrs import Factory, asdict, define, field

from lparvm.config import TRACE_SUMMARY_COMMANDS_MAX
from lparvm.trace.summary_records import Command, Device, Exchanges, Guest, Stood
from lparvm.trace.vocabulary import VOCABULARY, Level

Event = dict[str, Any]


_USUAL_STATUS = 0x4C  # status modifier, channel end, device end


@define
class Summary:
    """What has been seen so far. Feed it each event.

    Attributes:
        first_ns: time of the first event.
        last_ns: the latest time.
        events: by name.
        actors: how many events each actor told.
        machine: what `machine.started` says.
        interrupted: what `machine.ended` says; None: it wasn't told.
        commands: by operation, in the order in which they came.
        more_results: results of the commands beyond those.
        stood: by LPAR and LIP.
        devices: by number.
        guests: by LPAR.
        exchanges: by the two LPARs, in the order of their names.
    """

    first_ns: int | None = None
    last_ns: int = 0
    events: Counter[str] = Factory(Counter)
    actors: Counter[str] = Factory(Counter)
    machine: Event = Factory(dict)
    interrupted: bool | None = None
    commands: dict[str, Command] = Factory(dict)
    more_results: Counter[str] = Factory(Counter)
    stood: dict[tuple[str, str], Stood] = Factory(dict)
    devices: dict[str, Device] = Factory(dict)
    guests: dict[str, Guest] = Factory(dict)
    exchanges: dict[tuple[str, str], Exchanges] = Factory(dict)
    _handlers: dict[str, Callable[[Event], None]] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Who takes which event."""
        self._handlers = {
            "machine.started": self._machine,
            "machine.ended": self._ended,
            "command.received": self._received,
            "command.answered": self._answered,
            "OperationEnded": self._part,
            "guest.stood": self._stood,
            "guest.loaded": self._loaded,
            "guest.verified": self._verified,
            "guest.damaged": self._damaged,
            "guest.ended": self._failed,
            "storage.accessed": self._accessed,
            "chunk.moved": self._moved,
            "chunk.exchanged": self._exchanged,
            "start.accepted": self._accepted,
            "start.begun": self._begun,
            "start.resumed": self._begun,
            "start.held": self._held,
            "resume.held": self._held,
            "start.deferred": self._deferred,
            "start.ended": self._start_ended,
            "transfer.ended": self._transferred,
            "transfer.refused": self._refused,
        }

    def feed(self, event: Event) -> None:
        """One event."""
        name, t_ns = event["event"], event["t"]
        self.events[name] += 1
        self.actors[event["actor"]] += 1
        if t_ns > self.last_ns or self.first_ns is None:
            self.first_ns = t_ns if self.first_ns is None else self.first_ns
            self.last_ns = t_ns
        handler = self._handlers.get(name)
        if handler is not None:
            handler(event)

    @property
    def duration_ns(self) -> int:
        """From the first event to the last."""
        return 0 if self.first_ns is None else self.last_ns - self.first_ns

    def of_kind(self, *, message: bool) -> dict[str, int]:
        """Events by name, the most frequent first: messages, or facts; what is unknown counts as a fact."""
        kinds = ((name, name in VOCABULARY and VOCABULARY[name].message) for name in self.events)
        found = [(name, self.events[name]) for name, is_message in kinds if is_message is message]
        return dict(sorted(found, key=lambda one: (-one[1], one[0])))

    def busiest(self, count: int) -> dict[str, int]:
        """The actors that told most, with how many events."""
        return dict(sorted(self.actors.items(), key=lambda one: (-one[1], one[0]))[:count])

    def untold(self, level: Level) -> tuple[str, ...]:
        """What a trace of this level can't tell."""
        missing = []
        if level < Level.IO:
            missing.append("starts, transfers and slices are not told at level protocol")
        if level < Level.STORAGE:
            missing.append(f"accesses of guests are not told at level {level.name.lower()}")
        return tuple(missing)

    # --- the machine and its operator ----------------------------------------------------------------------------

    def _machine(self, event: Event) -> None:
        self.machine = event

    def _ended(self, event: Event) -> None:
        self.interrupted = event["interrupted"]

    def _command(self, op: str | None) -> Command | None:
        if op is None:
            return None
        found = self.commands.get(op)
        if found is None and len(self.commands) < TRACE_SUMMARY_COMMANDS_MAX:
            found = self.commands[op] = Command(op)
        return found

    def _received(self, event: Event) -> None:
        command = self._command(event["op"])
        if command is not None:
            command.text, command.received_ns = event["text"], event["t"]

    def _answered(self, event: Event) -> None:
        command = self._command(event["op"])
        if command is None:
            self.more_results[event["result"]] += 1
            return
        command.text, command.answered_ns = event["text"], event["t"]
        command.result, command.code, command.message = event["result"], event["code"], event["message"]

    def _part(self, event: Event) -> None:
        """A message: nothing is certain of its fields."""
        op, outcome = event["op"], event.get("outcome")
        result = outcome.get("result") if isinstance(outcome, dict) else None
        if op is None or not isinstance(result, str) or op.count(".") < 2:
            return
        command = self.commands.get(".".join(op.split(".")[:2]))
        if command is not None and len(command.parts) < TRACE_SUMMARY_COMMANDS_MAX:
            command.parts[op] = result

    def _stood(self, event: Event) -> None:
        who = event["lpar"], event["lip"]
        stood = self.stood.get(who)
        if stood is None:
            stood = self.stood[who] = Stood(*who)
        stopped_ns = event["stopped_ns"]
        stood.times += 1
        stood.stopped_ns += stopped_ns
        stood.longest_ns = max(stood.longest_ns, stopped_ns)
        for phase, phase_ns in event["phases_ns"].items():
            if type(phase_ns) is int:
                stood.phases_ns[phase] += phase_ns

    # --- guests --------------------------------------------------------------------------------------------------

    def _guest(self, lpar: str) -> Guest:
        guest = self.guests.get(lpar)
        if guest is None:
            guest = self.guests[lpar] = Guest(lpar)
        return guest

    def _loaded(self, event: Event) -> None:
        guest = self._guest(event["lpar"])
        guest.guest = event["guest"]
        guest.lives += 1

    def _verified(self, event: Event) -> None:
        guest = self._guest(event["lpar"])
        guest.guest = event["guest"]
        guest.verified += 1
        guest.steps += event["steps"]
        guest.damage += event["damage"]

    def _damaged(self, event: Event) -> None:
        self._guest(event["lpar"]).damaged += 1

    def _failed(self, event: Event) -> None:
        if event["reason"] != "program ended":
            self._guest(event["lpar"]).failures += 1

    def _accessed(self, event: Event) -> None:
        self._guest(event["lpar"]).accesses[event["access"]] += 1

    def _moved(self, event: Event) -> None:
        guest = self._guest(event["lpar"])
        if event["inverse"]:
            guest.pages_moved_back += event["pages"]
        else:
            guest.pages_moved += event["pages"]

    def _exchanged(self, event: Event) -> None:
        lower, upper = sorted((event["lower"], event["upper"]))
        pair = self.exchanges.get((lower, upper))
        if pair is None:
            pair = self.exchanges[lower, upper] = Exchanges((lower, upper))
        if event["inverse"]:
            pair.pages_back += event["keys_set"]
        else:
            pair.pages += event["keys_set"]

    # --- devices -------------------------------------------------------------------------------------------------

    def _device(self, event: Event) -> Device:
        name = event["device"]
        device = self.devices.get(name)
        if device is None:
            device = self.devices[name] = Device(name)
        iop = event.get("iop")
        if iop is not None and iop not in device.iops:
            device.iops.append(iop)
        return device

    def _accepted(self, event: Event) -> None:
        self._device(event).accepted += 1

    def _begun(self, event: Event) -> None:
        self._device(event).begun += 1

    def _held(self, event: Event) -> None:
        self._device(event).held += 1

    def _deferred(self, event: Event) -> None:
        self._device(event).deferred += 1

    def _start_ended(self, event: Event) -> None:
        device = self._device(event)
        device.ended += 1
        unusual = event["device_status"] & ~_USUAL_STATUS or event["subchannel_status"]
        device.unusual += bool(unusual or event["function"] != "START")

    def _transferred(self, event: Event) -> None:
        device = self._device(event)
        device.transfers += 1
        device.bytes += event["bytes"]

    def _refused(self, event: Event) -> None:
        self._device(event).refused += 1


def summary_as_json(summary: Summary, header: Event, trailer: Event | None, level: Level) -> Event:
    """The summary as an object: times in ns, sizes in bytes or frames as their names say."""
    machine = summary.machine
    return {
        "run": {
            name: header.get(name) for name in ("scenario", "seed", "clock", "level", "proof", "started")
        },
        "versions": {name: header.get(name) for name in ("version", "lparvm", "trio", "numpy", "python")},
        "verdict": None if trailer is None else trailer.get("verdict"),
        "cut_off": trailer is None,
        "interrupted": summary.interrupted,
        "events": summary.events.total(),
        "duration_ns": summary.duration_ns,
        "machine": {name: machine.get(name) for name in ("main_storage_frames", "lpars", "lips", "iops")},
        "commands": [{**asdict(one), "took_ns": one.took_ns} for one in summary.commands.values()],
        "more_results": dict(sorted(summary.more_results.items())),
        "stood": [asdict(one) for one in summary.stood.values()],
        "devices": [asdict(one) for one in summary.devices.values()],
        "guests": [asdict(one) for one in summary.guests.values()],
        "exchanges": [asdict(one) for one in summary.exchanges.values()],
        "messages": summary.of_kind(message=True),
        "facts": summary.of_kind(message=False),
        "actors": summary.busiest(len(summary.actors)),
        "untold": summary.untold(level),
    }
