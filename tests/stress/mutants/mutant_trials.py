"""Small machines, each of which shows what some mutants break: directed, under the virtual clock."""

from attrs import evolve
from mutant_judge import Trial, echoing, slow_channel, slow_sale

from trials import command, device, lpar, scenario

READING = "machine_guests:Reading"


def slowly(text: str, mips: float = 0.02) -> str:
    """With LIPs that are slow: a guest whose I/O fails at once does not fill the run with it."""
    return text.replace("[timing]", f"[timing]\nlip_mips = {mips}")


def cancel(lpar_name: str, phase: str, expect: str = "COMPLETED") -> str:
    """CANCEL when an LPAR's operation enters a phase."""
    when = f'when = {{ lpar = "{lpar_name}", phase = "{phase}" }}'
    return f'[[command]]\n{when}\ntext = "CANCEL {lpar_name}"\nexpect = "{expect}"'


def fails_at(page: int) -> str:
    """The mover fails at this cursor of its next move."""
    return f'[[fault]]\nkind = "mover"\nwhen = {{ page = {page} }}'


def fault(at: str, kind: str, **more: str) -> str:
    """A fault at a time."""
    lines = [f'{key} = "{value}"' for key, value in more.items()]
    return "\n".join(["[[fault]]", f'at = "{at}"', f'kind = "{kind}"', *lines])


# Two LPARs share a LIP; one of them, with a second LIP, moves up and down over its own pages, and far away.
MOVES = Trial(
    scenario(
        lpar("A", "0", size="64K", lips=["LIP1"]), lpar("B", "128K", size="64K", lips=["LIP1", "LIP2"]),
        command("5ms", "MVSTOR B HSA=160K"), command("25ms", "MVSTOR B HSA=132K"), main_storage="1M",
        duration="75ms",
    )
)  # fmt: skip


def readers(first_ms: int, second_ms: int, shared_ms: int, second_iop: str = "IOP2") -> str:
    """Processors that read from a device each, one of which has a path from both IOPs, while their LPAR moves."""
    moves = [command(f"{at}ms", f"MVSTOR B HSA={to}K") for at, to in ((3, 160), (16, 128), (31, 160))]
    return slowly(
        scenario(
            device("0190", latency=f"{first_ms}ms"), device("0191", iop=second_iop, latency=f"{second_ms}ms"),
            device("0192", iop=["IOP1", "IOP2"], latency=f"{shared_ms}ms"),
            lpar("A", "0", size="64K", guest=READING, devices=["0192"]),
            lpar("B", "128K", size="64K", guest=READING, lips=3, devices=["0190", "0191", "0192"]),
            *moves, iops=2, main_storage="1M", rate="50M", duration="60ms",
        ),
        mips=0.01,
    )  # fmt: skip


READERS = Trial(readers(4, 6, 3))
SLOW_READERS = Trial(readers(2, 3, 1, second_iop="IOP1"), parts=slow_channel)

# Moves over the LPAR's own pages that the mover leaves in the middle; then one to where the first went.
BACK_OUTS = Trial(
    scenario(
        lpar("B", "128K", size="64K", lips=2), fails_at(5),
        command("5ms", "MVSTOR B HSA=144K", "MOVE_FAILED"), command("25ms", "MVSTOR B HSA=144K"),
        main_storage="512K", duration="50ms",
    )
)  # fmt: skip
BACK_FROM_THE_END = Trial(
    scenario(
        lpar("B", "128K", size="64K", lips=2), command("5ms", "MVSTOR B HSA=144K", "CANCELLED"),
        cancel("B", "MOVING"), main_storage="512K", duration="50ms",
    )
)  # fmt: skip
BACK_OUT_OF_AN_EXCHANGE = Trial(
    scenario(
        lpar("A", "0", size="20K"), lpar("B", "32K", size="64K"), fails_at(29),
        command("5ms", "XCHSTOR A B", "MOVE_FAILED"), command("25ms", "XCHSTOR A B"),
        main_storage="128K", duration="50ms",
    )
)  # fmt: skip

# A LIP hangs, and two moves want it to stop.
STUCK_LIP = Trial(
    scenario(
        lpar("B", "128K", size="64K", lips=["LIP1", "LIP2"]),
        fault("4ms", "lip-stuck", target="LIP2", duration="30ms"),
        command("5ms", "MVSTOR B HSA=256K STOP=5ms", "STOP_TIMED_OUT"), command("15ms", "MVSTOR B HSA=160K STOP=1s"),
        main_storage="512K", duration="85ms",
    )
)  # fmt: skip
STOPPED = Trial(
    scenario(
        lpar("B", "128K", size="64K", lips=2), command("5ms", "STOP B"), command("10ms", "MVSTOR B HSA=256K"),
        command("30ms", "START B"), main_storage="512K", duration="60ms",
    )
)  # fmt: skip

# A device that does not end, and what a move makes of it.
REFUSED = Trial(
    slowly(scenario(
        device("0195", kind="stuck", deaf=True), lpar("B", "128K", size="64K", guest=READING, devices=["0195"]),
        command("5ms", "MVSTOR B HSA=256K QUIESCE=5ms", "QUIESCE_TIMED_OUT"),
        main_storage="512K", duration="50ms",
    )),
    lively=False,
)  # fmt: skip
HALTED = Trial(
    slowly(scenario(
        device("0195", kind="fault", script=["late-transfer 1500ms"], size="64K"),
        lpar("B", "128K", size="64K", guest="mutant_guests:ReadingOnce", devices=["0195"]),
        command("5ms", "MVSTOR B HSA=256K QUIESCE=5ms BUSY=HALT"),
        main_storage="512K", duration="2s",
    )),
    limit_ms=4000, lively=False,
)  # fmt: skip
STUCK_FOR_GOOD = evolve(HALTED, text=HALTED.text.replace("late-transfer 1500ms", "stop"))
SUSPENDED = Trial(
    scenario(
        device("0190"), lpar("B", "128K", size="64K", guest="mutant_guests:Suspending", devices=["0190"]),
        *(command(f"{11 * turn + 3}ms", f"MVSTOR B HSA={(256, 128)[turn % 2]}K") for turn in range(6)),
        main_storage="512K", duration="90ms",
    ),
    parts=slow_channel,
)  # fmt: skip
A_STUCK_LIP = Trial(
    scenario(
        lpar("B", "128K", size="64K", lips=["LIP1", "LIP2"]),
        fault("4ms", "lip-stuck", target="LIP2", duration="30ms"),
        command("5ms", "MVSTOR B HSA=256K STOP=5ms", "STOP_TIMED_OUT"), main_storage="512K", duration="75ms",
    )
)  # fmt: skip

# SALE: refused by one of two IOPs, and slow at one of them while somebody cancels.
_TWO_IOPS = (
    device("0190"), device("0191", iop="IOP2"),
    lpar("B", "128K", size="64K", guest=READING, lips=2, devices=["0190", "0191"]),
)  # fmt: skip
SALE_REFUSED = Trial(
    slowly(scenario(
        *_TWO_IOPS, fault("1ms", "sale-refused", target="IOP2"), command("5ms", "MVSTOR B HSA=160K", "SALE_REFUSED"),
        iops=2, main_storage="512K", duration="45ms",
    ), mips=0.005)
)  # fmt: skip
CANCELLED_AT_SALE = Trial(
    slowly(scenario(
        *_TWO_IOPS, command("5ms", "MVSTOR B HSA=160K"), cancel("B", "NOTIFYING", "NOT_CANCELLABLE"),
        iops=2, main_storage="512K", duration="60ms",
    )),
    parts=slow_sale,
)  # fmt: skip
CANCELLED_WHILE_QUIESCING = Trial(
    slowly(scenario(
        *_TWO_IOPS, command("5ms", "MVSTOR B HSA=160K", "CANCELLED"), cancel("B", "QUIESCING"),
        iops=2, main_storage="512K", duration="60ms",
    )),
    parts=slow_channel,
)  # fmt: skip
EXCHANGED = Trial(
    slowly(scenario(
        device("0190"), device("0191", iop="IOP2"),
        lpar("A", "0", size="48K", guest=READING, devices=["0190"]),
        lpar("B", "64K", size="64K", guest=READING, devices=["0191"]),
        command("5ms", "XCHSTOR A B"), iops=2, main_storage="256K", duration="60ms",
    )),
    parts=slow_sale,
)  # fmt: skip
ECHOES = Trial(
    slowly(scenario(
        device("0190"), lpar("B", "0", size="128K", guest="pager", devices=["0190"]), duration="40ms",
    ), mips=1),
    parts=echoing,
)  # fmt: skip

# Several commands at a time, and targets that are not free.
CROWDED = Trial(
    slowly(scenario(
        device("0190", latency="3ms"), lpar("A", "0", size="64K"),
        lpar("B", "64K", size="64K", guest=READING, devices=["0190"]),
        command("1ms", "MVSTOR A HSA=192K"), command("1ms", "MVSTOR B HSA=192K", "TARGET_TAKEN"),
        main_storage="512K", duration="50ms",
    ), mips=0.1)
)  # fmt: skip
OVERLAPPING = Trial(
    scenario(
        lpar("A", "0", size="64K"), lpar("B", "128K", size="64K"),
        command("5ms", "MVSTOR B HSA=60K", "TARGET_OCCUPIED"), main_storage="256K", duration="30ms",
    )
)  # fmt: skip
SECOND_COMMAND = Trial(
    scenario(
        lpar("B", "0", size="64K"), command("5ms", "MVSTOR B HSA=128K"),
        command("6ms", "MVSTOR B HSA=256K", "LPAR_IN_OPERATION"), main_storage="512K", duration="40ms",
    )
)  # fmt: skip
TIMERS = Trial(
    slowly(scenario(
        device("0195", kind="stuck", deaf=True), lpar("A", "0", size="64K", guest=READING, devices=["0195"]),
        device("0190", latency="10ms"), lpar("B", "128K", size="64K", guest=READING, devices=["0190"]),
        command("2ms", "MVSTOR B HSA=384K"), command("5ms", "MVSTOR A HSA=256K QUIESCE=30ms", "QUIESCE_TIMED_OUT"),
        main_storage="512K", duration="60ms",
    ), mips=0.1),
    lively=False,
)  # fmt: skip

# LPAR control dies.
CONTROL_DIES_MOVING = Trial(
    scenario(
        lpar("B", "128K", size="64K", lips=2), command("5ms", "MVSTOR B HSA=144K"), fault("7ms", "control-dies"),
        main_storage="512K", duration="60ms",
    )
)  # fmt: skip
CONTROL_DIES_QUIESCING = Trial(
    slowly(scenario(
        device("0195", kind="stuck", deaf=True), lpar("B", "128K", size="64K", guest=READING, devices=["0195"]),
        command("5ms", "MVSTOR B HSA=256K QUIESCE=20ms", "QUIESCE_TIMED_OUT"), fault("10ms", "control-dies"),
        command("11ms", "CANCEL NOBODY", "UNKNOWN_OPERATION"), main_storage="512K", duration="50ms",
    )),
    lively=False,
)  # fmt: skip

# LPARs that grow, shrink, and go; frames that fail.
FAULTY_FRAME = Trial(
    scenario(
        lpar("B", "128K", size="64K"), fault("1ms", "storage", target="276K"),
        command("5ms", "MVSTOR B HSA=256K", "STORAGE_FAULT"), main_storage="512K", duration="30ms",
    )
)  # fmt: skip
EXPANDED = Trial(
    scenario(
        lpar("A", "0", size="64K"), lpar("B", "64K", size="64K"),
        command("5ms", "MVSTOR B HSA=256K"), command("20ms", "EXPAND A SIZE=128K"),
        main_storage="512K", duration="50ms",
    )
)  # fmt: skip
SHRUNK = Trial(
    scenario(
        lpar("B", "0", size="64K", guest="machine_guests:Slow", options={"words": 8}),
        command("5ms", "SHRINK B SIZE=32K", "STORAGE_IN_USE"), main_storage="256K", duration="30ms",
    )
)  # fmt: skip
RESET = Trial(
    slowly(scenario(
        device("0190", latency="8ms"), lpar("B", "0", size="64K", guest=READING, devices=["0190"]),
        command("5ms", "IPL B"), command("33ms", "STOP B"), command("43ms", "IPL B"),
        main_storage="256K", duration="80ms",
    ))
)  # fmt: skip
SHARED_DISK = Trial(
    scenario(
        device("0190"), lpar("A", "0", size="64K", guest="sharer", devices=["0190"]),
        lpar("B", "64K", size="64K", guest="sharer", devices=["0190"]),
        command("25ms", "DEACTIVATE A"), main_storage="256K", duration="80ms",
    )
)  # fmt: skip
