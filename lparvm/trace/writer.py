"""Writing a trace: structlog loggers bound to actors, a processor chain, one sink; and the listeners.

An actor asks `Trace.logger(name)` once and calls `emit` for each fact, `emit_message` for each message sent:

    emit -> [t, op, cause, step] -> structlog: [number] -> [listeners] -> [encode] -> sink (hash, file)

Invariants:

- *Facts* of every level reach every listener (the rule checkers), in the order of the calls. *Messages* reach
  them only when the file's level holds them. What they get is theirs to read, not to change.
- Only events at or below the file's level get a sequence number; the numbers are contiguous from 1.
- `emit` returns the number to give as `cause` of what follows: its own, or its own cause where the event is
  not in the file. So a chain of causes in a file never names an event that isn't there.

`Trace` owns the sink; one thread only (trio's) may call it. A Ctrl-C never lands inside a call: it is
delivered after it, so a file has no torn line and no gap.
"""

import datetime as dt
import platform
from collections.abc import Callable, MutableMapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Self

import structlog
from attrs import fields
from trio.lowlevel import enable_ki_protection

from lparvm.errors import ProtocolError
from lparvm.protocol.messages import MESSAGES
from lparvm.trace.sink import Sink, encode
from lparvm.trace.vocabulary import COMMON_FIELDS, VOCABULARY, Level, field_problems
from lparvm.version import VERSION

FORMAT_VERSION = 1

Event = dict[str, Any]
Listener = Callable[[Event], None]
_Built = MutableMapping[str, Any]  # an event, to structlog

_VOCABULARYS: Any = object()  # "step not given": the vocabulary's own is meant, which may be None

# The names of a message's own fields; `op` is one of the common fields.
_MESSAGE_FIELDS: dict[type, tuple[str, ...]] = {
    cls: tuple(attribute.name for attribute in fields(cls) if attribute.name != "op") for cls in MESSAGES
}


def standard_header(**run: object) -> dict[str, object]:
    """What a header says beyond `trace` and `version`: versions, the run's own fields, the wall clock time.

    Args:
        run: scenario, seed, clock, and what else describes the run.
    """
    versions = {"lparvm": VERSION, **{name: _version(name) for name in ("trio", "numpy")}}
    started = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    return {**versions, "python": platform.python_version(), **run, "started": started}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"  # run from its source tree


class Trace:
    """One run's trace: hands out loggers, feeds the listeners, writes the file."""

    def __init__(
        self,
        *,
        now_ns: Callable[[], int],
        level: Level = Level.PROTOCOL,
        path: Path | None = None,
        header: dict[str, Any] | None = None,
        listeners: Sequence[Listener] = (),
        validate: bool = False,
    ) -> None:
        """Open the file and write its header.

        Args:
            now_ns: the run clock, in integer ns.
            level: what the file holds. The digest is that of this level also when there is no file.
            path: the file; None for none.
            header: more fields of the first line, see `standard_header`.
            listeners: called with each event; see the module's invariants.
            validate: check every event against the vocabulary (slow; for tests).

        Raises:
            UsageError: the file cannot be written.
        """
        self.level = level
        self._now_ns = now_ns
        self._sink = Sink(path)
        self._port = _Port(self._sink, now_ns, tuple(listeners), level, validate=validate)
        self._processors = (self._port.number, self._port.feed, self._port.encoded)
        more = {**(header or {}), "level": level.name.lower()}
        self._sink.header({"trace": "lparvm", "version": FORMAT_VERSION, **more})

    def logger(self, actor: str) -> "TraceLogger":
        """The logger of an actor; its name stands in every event."""
        # The context holds all common fields, so that copies of it have them in the file's order.
        context = dict.fromkeys(COMMON_FIELDS)
        return TraceLogger(self._port, self._processors, {**context, "actor": actor})

    @property
    def events(self) -> int:
        """Events written so far."""
        return self._sink.sequence

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the event lines so far."""
        return self._sink.digest

    @enable_ki_protection
    def flush(self) -> None:
        """Write out what is buffered."""
        self._sink.flush()

    @enable_ki_protection
    def close(self, verdict: str, **more: object) -> None:
        """Write the trailer and close the file; a second call does nothing.

        Args:
            verdict: the run's.
            more: further fields of the trailer.
        """
        counts = dict(sorted(self._sink.counts.items()))
        totals = {"events": self._sink.sequence, "counts": counts}
        self._sink.close({"trailer": True, "verdict": verdict, **totals, **more})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        """Close, when nobody did: `failed` if an exception passes through."""
        self.close("failed" if kind is not None else "unknown")


class _Port:
    """What all loggers of a trace share: clock, listeners, sink, and what becomes of each event."""

    __slots__ = ("dispositions", "listeners", "now_ns", "sink", "validate")

    def __init__(
        self,
        sink: Sink,
        now_ns: Callable[[], int],
        listeners: tuple[Listener, ...],
        level: Level,
        *,
        validate: bool,
    ) -> None:
        self.sink = sink
        self.now_ns = now_ns
        self.listeners = listeners
        self.validate = validate
        # name -> (the file holds it, somebody wants it, its step); looked up once an event.
        self.dispositions: dict[str, tuple[bool, bool, int | None]] = {}
        for name, kind in VOCABULARY.items():
            held = kind.level <= level
            wanted = held or (bool(listeners) and not kind.message)
            self.dispositions[name] = (held, wanted, kind.step)

    # --- the processor chain, in its order ---

    def number(self, _logger: object, _method: str, event: _Built) -> _Built:
        """Give the event the next number. The sink counts it when it has taken it."""
        event["seq"] = self.sink.sequence + 1
        return event

    def feed(self, _logger: object, _method: str, event: _Built) -> _Built:
        """Call the listeners."""
        for listener in self.listeners:
            listener(event)  # type: ignore[arg-type]  # it is the dict that structlog built
        return event

    def encoded(self, _logger: object, _method: str, event: _Built) -> tuple[str, bytes]:
        """Encode it, as the arguments of `take`."""
        return event["event"], encode(event)  # type: ignore[arg-type]

    # --- what the chain ends in ---

    def take(self, name: str, line: bytes) -> int:
        """Give the line to the sink; returns its number."""
        self.sink.take(name, line)
        return self.sink.sequence

    def check(self, told: Event) -> None:
        """Check an event's own fields against the vocabulary."""
        name = told["event"]
        own = {key: value for key, value in told.items() if key not in COMMON_FIELDS}
        problems = field_problems(VOCABULARY[name], own)
        if problems:
            raise ProtocolError(f"event {name}: " + "; ".join(problems))


class TraceLogger(structlog.BoundLoggerBase):
    """A structlog logger bound to an actor. `bind` adds fields to all its events, as with any such logger."""

    _logger: _Port

    @enable_ki_protection
    def emit(
        self,
        event: str,
        *,
        op: str | None = None,
        cause: int | None = None,
        step: int | None = _VOCABULARYS,
        at_ns: int | None = None,
        **own: Any,
    ) -> int | None:
        """Tell a fact.

        Args:
            event: its name in the vocabulary.
            op: the operation it belongs to.
            cause: number of the event that caused it, as an earlier `emit` returned it.
            step: the patent's step; when not given, the vocabulary's.
            at_ns: when it happened, where the caller has just read the clock; None: now.
            own: the fields that the vocabulary names.

        Returns:
            The number to give as `cause` of what follows: this event's, or `cause` where the file doesn't
            hold it.

        Raises:
            ProtocolError: no such event; with `validate`, also fields that the vocabulary doesn't know.
            UsageError: the file cannot be written.
        """
        port = self._logger
        try:
            held, wanted, own_step = port.dispositions[event]
        except KeyError:
            raise ProtocolError(f"event {event!r} is not in the trace's vocabulary") from None
        if not (wanted or port.validate):
            return cause
        told = self._context.copy()
        told["t"] = port.now_ns() if at_ns is None else at_ns
        told["event"] = event
        told["op"] = op
        told["cause"] = cause
        told["step"] = own_step if step is _VOCABULARYS else step
        told.update(own)
        if port.validate:
            port.check(told)
        if held:
            # structlog's own `_proxy_to_logger` does the same, but copies all keywords three times: here is
            # the hot path of the whole machine.
            built: Any = told
            for processor in self._processors:
                built = processor(port, "take", built)
            return port.take(*built)
        if wanted:
            for listener in port.listeners:
                listener(told)
        return cause

    def emit_message(self, to: str, message: Any, *, cause: int | None = None) -> int | None:
        """Tell that this actor sends a message.

        Args:
            to: the receiving actor.
            message: one of `protocol.messages.MESSAGES`.
            cause: number of the event that caused it.

        Returns:
            As `emit`.
        """
        kind = type(message)
        port = self._logger
        if not (port.dispositions[kind.__name__][1] or port.validate):
            return cause
        own = {name: getattr(message, name) for name in _MESSAGE_FIELDS[kind]}
        return self.emit(kind.__name__, op=message.op, cause=cause, to=to, **own)
