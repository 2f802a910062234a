"""The trace: event vocabulary, writing, reading, rule checkers, exports, pictures.

`read(path)` streams the events of a trace, typed, from files of any size; `lparvm.trace.reader` has more.
"""

from lparvm.trace.reader import TraceEvent, read

__all__ = ["TraceEvent", "read"]
