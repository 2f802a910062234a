"""Messages and steps in words."""

from typing import Any

from lparvm.stress.statespace.part import Sent

_TOLD = ("op", "target", "lpar", "lip", "iop", "zone", "extent", "reason", "device", "run", "outcome")


def told(message: Any) -> str:
    """A message in words: its name, and the fields that matter."""
    # That a guest is run is not worth a word, that it is not is.
    names = [name for name in _TOLD if getattr(message, name, None) not in (None, True)]
    return f"{type(message).__name__}({', '.join(_field(getattr(message, name)) for name in names)})"


def _field(value: Any) -> str:
    if hasattr(value, "origin"):
        return f"[{value.origin}, {value.end})"
    return str(getattr(value, "result", value))


def with_sent(text: str, sent: tuple[Sent, ...]) -> str:
    """A step in words, with what is sent."""
    posts = ", ".join(f"{told(message)} to {to}" for to, message in sent)
    return f"{text}; sends {posts}" if posts else text
