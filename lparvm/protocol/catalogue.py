"""Result codes of commands, and the catalogue of all messages an operator can see.

Every outcome of a command is one `Result`; every `Result` has one message in the `CATALOGUE`. Other messages
(progress, warnings, a guest's failure) stand in the same catalogue. Ids are `LVMnnnS`: S is I (information),
W (warning, something waits or was refused and nothing is lost) or E (error).
"""

import enum

from attrs import frozen


class Result(enum.StrEnum):
    """How a command ended."""

    COMPLETED = "COMPLETED"
    TARGET_OCCUPIED = "TARGET_OCCUPIED"
    TARGET_TAKEN = "TARGET_TAKEN"
    OUTSIDE_STORAGE = "OUTSIDE_STORAGE"
    NOT_ON_PAGE = "NOT_ON_PAGE"
    ALREADY_THERE = "ALREADY_THERE"
    UNKNOWN_LPAR = "UNKNOWN_LPAR"
    UNKNOWN_OPERATION = "UNKNOWN_OPERATION"
    LPAR_IN_OPERATION = "LPAR_IN_OPERATION"
    LPAR_CHECK_STOPPED = "LPAR_CHECK_STOPPED"
    TOO_MANY_OPERATIONS = "TOO_MANY_OPERATIONS"
    STOP_TIMED_OUT = "STOP_TIMED_OUT"
    QUIESCE_TIMED_OUT = "QUIESCE_TIMED_OUT"
    SALE_REFUSED = "SALE_REFUSED"
    STORAGE_FAULT = "STORAGE_FAULT"
    CHECK_STOPPED = "CHECK_STOPPED"
    CANCELLED = "CANCELLED"
    NOT_CANCELLABLE = "NOT_CANCELLABLE"
    UNKNOWN_PATH = "UNKNOWN_PATH"
    NO_CONSOLE = "NO_CONSOLE"
    LINE_REFUSED = "LINE_REFUSED"
    NOT_AVAILABLE = "NOT_AVAILABLE"
    INTERRUPTED = "INTERRUPTED"


@frozen
class MessageType:
    """An entry of the catalogue.

    Attributes:
        code: message id.
        text: format string; names in braces are filled in when the message is written.
        cause: why it appears.
        action: what to do.
        result: the command result it tells, or None.
    """

    code: str
    text: str
    cause: str
    action: str
    result: Result | None = None


CATALOGUE: tuple[MessageType, ...] = (
    MessageType(
        "LVM010I",
        "{lpar}: main storage origin is now {target}; moved {pages} pages, stood still {stopped}",
        "A MVSTOR completed: every page and key is at the target and the guest runs there.",
        "None.",
        Result.COMPLETED,
    ),
    MessageType("LVM011I", "{text}", "A command without an effect on storage completed.", "None."),
    MessageType(
        "LVM020W",
        "{lpar}: target {target} is occupied by {holder}; nothing was stopped",
        "The early check found that another LPAR owns or has reserved part of the target area.",
        "Choose another origin (DISPLAY FRAME shows the gaps), or move the other LPAR first.",
        Result.TARGET_OCCUPIED,
    ),
    MessageType(
        "LVM021W",
        "{lpar}: target {target} was taken by {holder} meanwhile; the guest runs on where it was",
        "The check at step 203 found the target taken since the early check: another operation was faster.",
        "Choose another origin and repeat the command.",
        Result.TARGET_TAKEN,
    ),
    MessageType(
        "LVM022W",
        "{lpar}: {size} from {target} ends outside main storage; nothing was stopped",
        "The target area would end past the end of main storage.",
        "Choose a lower origin.",
        Result.OUTSIDE_STORAGE,
    ),
    MessageType(
        "LVM023W",
        "{lpar}: origin {target} is not on a page boundary; nothing was stopped",
        "Zones begin at a multiple of 4096 bytes.",
        "Choose an origin that is a multiple of 4096.",
        Result.NOT_ON_PAGE,
    ),
    MessageType(
        "LVM024W",
        "{lpar}: main storage origin is {target} already",
        "MVSTOR named the present origin.",
        "None, or choose another origin.",
        Result.ALREADY_THERE,
    ),
    MessageType(
        "LVM025W",
        "{lpar}: no such LPAR",
        "The command names an LPAR that is not defined.",
        "DISPLAY FRAME lists the LPARs.",
        Result.UNKNOWN_LPAR,
    ),
    MessageType(
        "LVM026W",
        "{target}: no such operation is under way",
        "CANCEL names nothing that could be cancelled.",
        "DISPLAY OPERATIONS lists what is under way.",
        Result.UNKNOWN_OPERATION,
    ),
    MessageType(
        "LVM027W",
        "{lpar} is held by operation {operation}",
        "An operation holds its LPAR from acceptance to its report; a second one is refused at once.",
        "Wait for the operation's report, or CANCEL it.",
        Result.LPAR_IN_OPERATION,
    ),
    MessageType(
        "LVM028E",
        "{lpar} is check-stopped",
        "An earlier storage fault left this LPAR without intact storage.",
        "Load the LPAR anew.",
        Result.LPAR_CHECK_STOPPED,
    ),
    MessageType(
        "LVM029W",
        "{limit} operations are under way already",
        "The limit of concurrent operations is reached.",
        "Repeat the command later.",
        Result.TOO_MANY_OPERATIONS,
    ),
    MessageType(
        "LVM030W",
        "{lpar}: {lips} did not stop within {timeout}; the guest runs on",
        "A LIP did not reach an instruction boundary within STOP=.",
        "Repeat the command with a longer STOP=.",
        Result.STOP_TIMED_OUT,
    ),
    MessageType(
        "LVM031W",
        "{lpar}: I/O did not end within {timeout}; the guest runs on; still busy: {devices}",
        "A device went on operating longer than QUIESCE=. Nothing was moved.",
        "Free or repair the devices named, or repeat with a longer QUIESCE=, with BUSY=WAIT or with BUSY=HALT.",
        Result.QUIESCE_TIMED_OUT,
    ),
    MessageType(
        "LVM032W",
        "{lpar}: waiting for I/O to end: {devices}",
        "Step 202 has to wait: these devices are still operating. It is told again when QUIESCE= is over: BUSY= says what happens then.",
        "None, or CANCEL.",
    ),
    MessageType(
        "LVM033W",
        "{lpar}: still waiting for I/O to end; CANCEL {operation} gives up; busy: {devices}",
        "QUIESCE= is over, and by BUSY=WAIT the move goes on waiting. It is told every 10 s.",
        "Free the devices named, or CANCEL.",
    ),
    MessageType(
        "LVM034W",
        "{lpar}: halting {devices}",
        "QUIESCE= is over, and by BUSY=HALT the devices that are still busy are told to end.",
        "None; the guest sees the halted status, as after its own HALT SUBCHANNEL.",
    ),
    MessageType(
        "LVM035I",
        "{lpar}: halted: {devices}",
        "BUSY=HALT: these devices ended when they were told to.",
        "None.",
    ),
    MessageType(
        "LVM036W",
        "{lpar}: cleared, for halting did not end them within {grace}: {devices}",
        "BUSY=HALT: these devices were given up. The IOP refuses what they may still transfer.",
        "Repair the devices named; the guest sees the cleared status, as after its own CLEAR SUBCHANNEL.",
    ),
    MessageType(
        "LVM040E",
        "{lpar}: {iop} refused SALE; the guest runs on where it was",
        "An IOP did not take the new address limits. The pages were moved back.",
        "Check the IOP.",
        Result.SALE_REFUSED,
    ),
    MessageType(
        "LVM041E",
        "{lpar}: storage fault at frame {frame}; moved back, the guest runs on where it was",
        "A frame of the source or target failed during the move.",
        "Choose a target without that frame.",
        Result.STORAGE_FAULT,
    ),
    MessageType(
        "LVM042E",
        "{lpar}: {reason}; the LPAR is check-stopped",
        "A second failure on the way back: another frame failed, or an IOP refused the old address limits too.",
        "Load the LPAR anew.",
        Result.CHECK_STOPPED,
    ),
    MessageType(
        "LVM050I",
        "{lpar}: cancelled; the guest runs on where it was",
        "CANCEL, before the commit.",
        "None.",
        Result.CANCELLED,
    ),
    MessageType(
        "LVM051W",
        "{target} cannot be cancelled any more: {phase}",
        "CANCEL came after the pages had moved (or while the operation was backing out).",
        "Wait for the report.",
        Result.NOT_CANCELLABLE,
    ),
    MessageType(
        "LVM060W",
        "{command} is not available in this version",
        "The command is part of the language only.",
        "See the README for what this version can do.",
        Result.NOT_AVAILABLE,
    ),
    MessageType(
        "LVM061W",
        "the run was interrupted before the answer",
        "Ctrl-C, or the end of the run's machine.",
        "None.",
        Result.INTERRUPTED,
    ),
    MessageType(
        "LVM062W",
        "{path}: no such path",
        "VARY PATH names an IOP that has no such device.",
        "DISPLAY DEVICES lists the paths.",
        Result.UNKNOWN_PATH,
    ),
    MessageType(
        "LVM063W",
        "{lpar} has no console",
        "REPLY names an LPAR without a device of kind console.",
        "Give the LPAR a console in the scenario.",
        Result.NO_CONSOLE,
    ),
    MessageType(
        "LVM064W",
        "{lpar}: the console did not take the line: {problem}",
        "The line is too long or has control characters, the guest has not read the lines before, or no path is on.",
        "Shorten the line, wait until the guest has read what it was given, or vary a path to the console on.",
        Result.LINE_REFUSED,
    ),
    MessageType(
        "LVM070E",
        "{lpar} on {lip}: {text}; the LPAR is stopped",
        "The guest had a program interruption that it does not handle.",
        "Mend the guest.",
    ),
    MessageType(
        "LVM071E",
        "{lpar} on {lip}: {text}; the LPAR is stopped",
        "The guest program raised an exception.",
        "Mend the guest.",
    ),
    MessageType(
        "LVM072E",
        "{lpar}: damage at guest absolute {address}: expected {expected}, found {found}",
        "A guest found that its storage does not hold what it stored.",
        "This must not happen: keep the trace and report it.",
    ),
    MessageType("LVM080W", "frame {frame} is faulty by the scenario", "A [[fault]] entry came due.", "None."),
    MessageType(
        "LVM090I",
        "{lpar} {device}: {text}",
        "A guest wrote a line to its console.",
        "None; REPLY answers it where the guest asks something.",
    ),
)

BY_CODE: dict[str, MessageType] = {entry.code: entry for entry in CATALOGUE}
BY_RESULT: dict[Result, MessageType] = {entry.result: entry for entry in CATALOGUE if entry.result}
