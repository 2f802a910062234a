"""Result codes of commands, and the catalogue of all messages an operator can see.

Every outcome of a command is one `Result`; every `Result` has one message in the `CATALOGUE`. Other messages
(progress, warnings, a guest's failure) stand in the same catalogue. Ids are `LVMnnnS`: S is I (information),
W (warning, something waits or was refused and nothing is lost) or E (error).
"""

from lparvm.protocol import catalogue_moves, catalogue_operation
from lparvm.protocol.result_codes import MessageType, Result

CATALOGUE: tuple[MessageType, ...] = (*catalogue_moves.MESSAGES, *catalogue_operation.MESSAGES)
BY_CODE: dict[str, MessageType] = {entry.code: entry for entry in CATALOGUE}
BY_RESULT: dict[Result, MessageType] = {entry.result: entry for entry in CATALOGUE if entry.result}

__all__ = ["BY_CODE", "BY_RESULT", "CATALOGUE", "MessageType", "Result"]
