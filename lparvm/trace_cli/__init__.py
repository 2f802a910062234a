"""`lparvm trace VERB FILE`: the commands that read traces. Each module adds its commands to the group."""

from lparvm.trace_cli import look, pictures, query, words
from lparvm.trace_cli.common import trace

__all__ = ["look", "pictures", "query", "trace", "words"]
