"""Writing a trace: structlog loggers bound to actors, one sink; and the listeners.

An actor asks `Trace.logger(name)` once and calls `emit` for each fact, `emit_message` for each message sent:

    emit -> the event as a dict, numbered -> listeners -> sink: encoded, hashed, written; or kept in a ring

Invariants:

- *Facts* of every level reach every listener (the rule checkers), in the order of the calls. *Messages* reach
  them only when the file's level holds them. What they get is theirs to read, not to change.
- Only events at or below the file's level get a sequence number; the numbers are contiguous from 1.
- `emit` returns the number to give as `cause` of what follows: its own, or its own cause where the event is
  not in the file. So a chain of causes in a file never names an event that isn't there.
- What an event holds doesn't change any more: a ring encodes it when it is written, long after.

`Trace` owns the sink; one thread only (trio's) may call it. A Ctrl-C never lands inside a call: it is
delivered after it, so a file has no torn line and no gap.
"""

import datetime as dt
import functools
import platform
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Self

import structlog
from trio.lowlevel import enable_ki_protection

from lparvm.errors import ProtocolError
from lparvm.protocol.messages import MESSAGES
from lparvm.trace.message_types import reading
from lparvm.trace.ring import RingSink
from lparvm.trace.sink import Event, Sink
from lparvm.trace.vocabulary import COMMON_FIELDS, VOCABULARY, Level, field_problems
from lparvm.version import VERSION

FORMAT_VERSION = 1

Listener = Callable[[Event], None]

# How a message's own fields are read; `op` is one of the common fields.
_READING: dict[type, Callable[[Any], Event]] = {
    cls: reading(cls, {"to": None}, without=("op",)) for cls in MESSAGES
}


def standard_header(**run: object) -> dict[str, object]:
    """What a header says beyond `trace` and `version`: versions, the run's own fields, the wall clock time.

    Args:
        run: scenario, seed, clock, and what else describes the run.
    """
    versions = {"lparvm": VERSION, **{name: _version(name) for name in ("trio", "numpy")}}
    started = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    return {**versions, "python": platform.python_version(), **run, "started": started}


@functools.cache
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
        ring: int | None = None,
        digest: bool = True,
    ) -> None:
        """Open the file and write its header.

        Args:
            now_ns: the run clock, in integer ns.
            level: what the file holds. The digest is that of this level also when there is no file.
            path: the file; None for none. `.gz` and `.zst` are compressed.
            header: more fields of the first line, see `standard_header`.
            listeners: called with each event; see the module's invariants.
            validate: check every event against the vocabulary (slow; for tests).
            ring: keep so many events, the last ones, in memory, and write the file only when the run fails.
            digest: whether a ring computes the digest of the whole run, which takes longer than all else it does.

        Raises:
            UsageError: the file cannot be written.
        """
        self.level = level
        first = {"trace": "lparvm", "version": FORMAT_VERSION, **(header or {}), "level": level.name.lower()}
        self._sink = Sink(path, first) if ring is None else RingSink(path, first, ring, digest=digest)
        self._port = _Port(self._sink, now_ns, tuple(listeners), level, validate=validate)

    def logger(self, actor: str) -> "TraceLogger":
        """The logger of an actor; its name stands in every event."""
        # The context holds all common fields, so that lines have them in the file's order.
        return TraceLogger(self._port, (), {**dict.fromkeys(COMMON_FIELDS), "actor": actor})

    @property
    def events(self) -> int:
        """Events taken so far."""
        return self._sink.sequence

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the event lines so far; of those that a ring keeps, where it computes no other."""
        return self._sink.digest

    @property
    def path(self) -> Path | None:
        """The file; None where none is written. A ring's is known when it is closed."""
        return self._sink.path

    @enable_ki_protection
    def flush(self) -> None:
        """Write out what is buffered."""
        self._sink.flush()

    @enable_ki_protection
    def close(self, verdict: str, **more: object) -> None:
        """Write the trailer and close the file; a second call does nothing.

        Args:
            verdict: the run's. A ring is written unless it is `intact`, and `interrupted` is not given or false.
            more: further fields of the trailer.
        """
        self._sink.close(verdict, more)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        """Close, when nobody did: `failed` if an exception passes through."""
        self.close("failed" if kind is not None else "unknown")


class _Port:
    """What all loggers of a trace share: clock, sink, and what becomes of each event."""

    __slots__ = ("dispositions", "now_ns", "sink")

    def __init__(
        self,
        sink: Sink | RingSink,
        now_ns: Callable[[], int],
        listeners: tuple[Listener, ...],
        level: Level,
        *,
        validate: bool,
    ) -> None:
        self.sink = sink
        self.now_ns = now_ns
        # name -> (the file holds it, whoever is called with it, its step); looked up once an event.
        self.dispositions: dict[str, tuple[bool, tuple[Listener, ...], int | None]] = {}
        for name, kind in VOCABULARY.items():
            held = kind.level <= level
            called = listeners if held or not kind.message else ()
            self.dispositions[name] = (held, (_check, *called) if validate else called, kind.step)


def _check(told: Event) -> None:
    """Check an event's own fields against the vocabulary."""
    name = told["event"]
    own = {key: value for key, value in told.items() if key not in COMMON_FIELDS}
    problems = field_problems(VOCABULARY[name], own)
    if problems:
        raise ProtocolError(f"event {name}: " + "; ".join(problems))


class TraceLogger(structlog.BoundLoggerBase):
    """A structlog logger bound to an actor. `bind` adds fields to all its events, as with any such logger.

    There are no processors: what they would do is done in `emit`, in the one order that is right.
    """

    _logger: _Port

    @enable_ki_protection
    def emit(self, event: str, told: Event | None = None, /, **own: Any) -> int | None:
        """Tell a fact.

        Args:
            event: its name in the vocabulary.
            told: what would be given by `own`, as a dict that the caller has no more use for.
            own: the fields that the vocabulary names, and of these, where they apply:
                `op`, the operation it belongs to;
                `cause`, the number of the event that caused it, as an earlier `emit` returned it;
                `step`, the patent's step or None; when not given, the vocabulary's;
                `at_ns`, when it happened, where the caller has just read the clock; None or not given: now.

        Returns:
            The number to give as `cause` of what follows: this event's, or `cause` where the file doesn't
            hold it.

        Raises:
            ProtocolError: no such event; with `validate`, also fields that the vocabulary doesn't know.
            UsageError: the file cannot be written.
        """
        # The hot path of the whole machine. Python compares each keyword that is no parameter with every
        # parameter, so there are none; what is given replaces the default where that stands in the dict.
        if told is None:
            told = own
        port = self._logger
        try:
            held, listeners, step = port.dispositions[event]
        except KeyError:
            raise ProtocolError(f"event {event!r} is not in the trace's vocabulary") from None
        if not (held or listeners):
            return told.get("cause")
        at_ns = told.pop("at_ns") if "at_ns" in told else None
        line = self._context | told  # all common fields, in the file's order, and then those of the event
        line["event"] = event
        line["t"] = port.now_ns() if at_ns is None else at_ns
        if "step" not in told:
            line["step"] = step
        sink = port.sink
        if held:
            line["seq"] = sink.sequence + 1
        for listener in listeners:
            listener(line)
        if held:
            return sink.take(line)
        cause: int | None = line["cause"]
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
        held, listeners, _ = port.dispositions[kind.__name__]
        if not (held or listeners):
            return cause
        told = _READING[kind](message)
        told["to"] = to
        told["op"] = message.op
        told["cause"] = cause
        return self.emit(kind.__name__, told)


__all__ = ["FORMAT_VERSION", "Event", "Listener", "Trace", "TraceLogger", "standard_header"]
