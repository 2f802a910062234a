"""Commands become orders for LPAR control; only what no frame can be is refused here."""

import pytest

from lparvm.protocol import messages as m
from lparvm.protocol.busy_devices import Busy
from lparvm.protocol.command_orders import order_of, refusal
from lparvm.protocol.command_parser import parse
from lparvm.protocol.results import Result
from lparvm.protocol.targets import After, Before, End, Hsa

S = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("MVSTOR A HSA=1M", m.MoveStorage("op.1", "A", Hsa(1 << 20))),
        ("MVSTOR A BEFORE=B", m.MoveStorage("op.1", "A", Before("B"))),
        ("MVSTOR A AFTER=B STOP=1s", m.MoveStorage("op.1", "A", After("B"), stop_ns=S)),
        (
            "MVSTOR A END QUIESCE=2s BUSY=HALT",
            m.MoveStorage("op.1", "A", End(), quiesce_ns=2 * S, busy=Busy.HALT),
        ),
        ("MVSTOR A END TEST", m.MoveStorage("op.1", "A", End(), test=True)),
        ("MVSTOR A END EXPAND=B TEST", None),
        ("XCHSTOR A B", m.ExchangeStorage("op.1", "A", "B")),
        (
            "XCHSTOR A B QUIESCE=2s BUSY=WAIT TEST",
            m.ExchangeStorage("op.1", "A", "B", quiesce_ns=2 * S, busy=Busy.WAIT, test=True),
        ),
        ("EXPAND A SIZE=64K", m.ExpandStorage("op.1", "A", 16)),
        ("SHRINK A SIZE=64K", m.ShrinkStorage("op.1", "A", 16)),
        ("DEFINE A SIZE=64K", m.DefineLpar("op.1", "A", 16)),
        (
            "DEFINE A SIZE=64K ORIGIN=0 LIPS=X,Y GUEST=pkg.mod:Guest DEVICES=190,9",
            m.DefineLpar("op.1", "A", 16, 0, ("X", "Y"), "pkg.mod:Guest", (0x190, 9)),
        ),
        ("ACTIVATE A", m.ActivateLpar("op.1", "A")),
        ("DEACTIVATE A", m.DeactivateLpar("op.1", "A")),
        ("IPL A", m.LoadLpar("op.1", "A")),
        ("IPL A GUEST=hammer", m.LoadLpar("op.1", "A", "hammer")),
        ("IPL A DEVICE=190", m.LoadLpar("op.1", "A", device=0x190)),
        ("STOP A", m.HoldLpar("op.1", "A")),
        ("START A", m.UnholdLpar("op.1", "A")),
        ("MVSTOR A END EXPAND=B", None),
        ("PLAN FREE 64K GO", None),
        ("DISPLAY FRAME", None),
        ("CANCEL A", None),
        ('REPLY A "x"', None),
        ("VARY PATH IOP1.190 ON", None),
    ],
)
def test_each_command_is_its_order_or_none(text: str, order: object):
    command = parse(text)
    assert refusal(command) is None
    assert order_of("op.1", command) == order


@pytest.mark.parametrize(
    ("text", "result", "message"),
    [
        (
            "MVSTOR A HSA=4097",
            Result.NOT_ON_PAGE,
            "A: origin 4097 is not on a page boundary; nothing was stopped",
        ),
        (
            "MVSTOR A HSA=4097 EXPAND=A,SIZE=5",
            Result.NOT_ON_PAGE,
            "A: origin 4097 is not on a page boundary; nothing was stopped",
        ),
        (
            "DEFINE A SIZE=64K ORIGIN=1",
            Result.NOT_ON_PAGE,
            "A: origin 1 is not on a page boundary; nothing was stopped",
        ),
        ("DEFINE A SIZE=5", Result.WRONG_SIZE, "A: 5 is no multiple of 4096"),
        ("EXPAND A SIZE=4095", Result.WRONG_SIZE, "A: 4095 is no multiple of 4096"),
        ("SHRINK A SIZE=6K", Result.WRONG_SIZE, "A: 6K is no multiple of 4096"),
        ("MVSTOR A END EXPAND=B,SIZE=5", Result.WRONG_SIZE, "B: 5 is no multiple of 4096"),
        ("PLAN FREE 5", Result.WRONG_SIZE, "PLAN FREE: 5 is no multiple of 4096"),
        ("PLAN EXPAND B SIZE=5 GO", Result.WRONG_SIZE, "B: 5 is no multiple of 4096"),
        (
            "MVSTOR A END EXPAND=A,SIZE=5",
            Result.SAME_LPAR,
            "A: is named twice; the command needs another LPAR there",
        ),
        (
            "MVSTOR A END EXPAND=a TEST",
            Result.SAME_LPAR,
            "A: is named twice; the command needs another LPAR there",
        ),
    ],
)
def test_what_no_frame_can_be_is_refused(text: str, result: Result, message: str):
    outcome = refusal(parse(text))
    assert outcome is not None
    assert (outcome.result, outcome.message) == (result, message)
