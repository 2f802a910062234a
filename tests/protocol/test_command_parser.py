"""The command language: every verb, and one clear error for everything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.errors import CommandError
from lparvm.protocol import commands as c
from lparvm.protocol.command_parser import complete, parse, usage

M = 1 << 20
S = 1_000_000_000

GOOD = {
    "MVSTOR LPAR2 HSA=192M": c.MoveStor("LPAR2", c.Hsa(192 * M)),
    "mvstor lpar2 hsa=192mib": c.MoveStor("LPAR2", c.Hsa(192 * M)),
    "MVSTOR A BEFORE=B": c.MoveStor("A", c.Before("B")),
    "MVSTOR A AFTER=B": c.MoveStor("A", c.After("B")),
    "MVSTOR A END TEST": c.MoveStor("A", c.End(), test=True),
    "MVSTOR A HSA=0 EXPAND=B": c.MoveStor("A", c.Hsa(0), c.Expansion("B")),
    "MVSTOR A HSA=0 EXPAND=B,SIZE=1G": c.MoveStor("A", c.Hsa(0), c.Expansion("B", 1 << 30)),
    "MVSTOR A HSA=4096 STOP=2s QUIESCE=250us BUSY=halt": c.MoveStor(
        "A", c.Hsa(4096), stop_ns=2 * S, quiesce_ns=250_000, busy=c.Busy.HALT
    ),
    "XCHSTOR A B QUIESCE=1s": c.ExchangeStor("A", "B", S),
    "EXPAND A SIZE=2M": c.Resize("EXPAND", "A", 2 * M),
    "SHRINK A SIZE=2M": c.Resize("SHRINK", "A", 2 * M),
    "PLAN FREE 200M": c.Plan(200 * M),
    "PLAN EXPAND A SIZE=300M GO": c.Plan(300 * M, "A", True),
    "DEFINE A SIZE=1M ORIGIN=0 LIPS=2 GUEST=hammer DEVICES=190,191": c.Define(
        "A", M, 0, 2, "hammer", (0x190, 0x191)
    ),
    "DEFINE A SIZE=1M LIPS=lip1,lip2": c.Define("A", M, lips=("LIP1", "LIP2")),
    "ACTIVATE A": c.LparVerb("ACTIVATE", "A"),
    "DEACTIVATE A": c.LparVerb("DEACTIVATE", "A"),
    "IPL A": c.Ipl("A"),
    "IPL A DEVICE=0190": c.Ipl("A", device=0x190),
    "STOP A": c.LparVerb("STOP", "A"),
    "START A": c.LparVerb("START", "A"),
    'REPLY A "hello world"': c.Reply("A", "hello world"),
    "VARY PATH IOP1.0190 OFF": c.VaryPath("IOP1", 0x190, False),
    "CANCEL op.3": c.Cancel("op.3"),
    "CANCEL lpar2": c.Cancel("LPAR2"),
    "DISPLAY frame": c.Display("FRAME"),
}

BAD = {
    "": "there is no command; expected one of MVSTOR",
    "   ": "there is no command",
    "MVSTR LPAR2 HSA=1M": "'MVSTR': no such command; expected MVSTOR",
    "MVSTOR": "something is missing; expected the name of an LPAR",
    "MVSTOR LPAR2": "HSA= or BEFORE= or AFTER= or END is missing",
    "MVSTOR LPAR2 HSA=abc": "'HSA=abc': wrong value; expected a size such as 192M",
    "MVSTOR LPAR2 HSA=": "'HSA=': no value; expected a size",
    "MVSTOR LPAR2 HSA=-1M": "'HSA=-1M': wrong value",
    "MVSTOR LPAR2 HSA=1M HSA=2M": "'HSA=2M': HSA is given twice",
    "MVSTOR LPAR2 HSA=1M END": "'END': cannot stand beside HSA",
    "MVSTOR LPAR2 HSA=1M QUIESCE=10": "'QUIESCE=10': wrong value; expected a duration",
    "MVSTOR LPAR2 HSA=1M COLOUR=red": "'COLOUR=red': does not belong here; expected MVSTOR lpar HSA=n",
    "MVSTOR LPAR2 HSA=1M now": "'now': does not belong here",
    "MVSTOR L?PAR HSA=1M": "'L?PAR': wrong value; expected the name of an LPAR",
    "MVSTOR A HSA=1M EXPAND=B,WIDTH=3": "'EXPAND=B,WIDTH=3': wrong value; expected an LPAR, or LPAR,SIZE=n",
    "MVSTOR A HSA=1M BUSY=MAYBE": "'BUSY=MAYBE': wrong value; expected REFUSE, WAIT or HALT",
    "EXPAND A SIZE=0": "'SIZE=0': wrong value",
    "PLAN": "PLAN needs more; expected FREE or EXPAND",
    "PLAN SOMETHING": "'SOMETHING': is no kind of PLAN; expected FREE or EXPAND",
    "DISPLAY WEATHER": "'WEATHER': wrong value; expected one of FRAME, STORAGE",
    'REPLY A "open': "'\"open': the quote is not closed",
    "IPL A DEVICE=xyz": "'DEVICE=xyz': wrong value; expected a device number in hex",
    "VARY PATH IOP1 ON": "'IOP1': wrong value; expected an IOP and a device",
    "DEFINE A SIZE=1M LIPS=0": "'LIPS=0': wrong value",
}


@pytest.mark.parametrize("text", GOOD)
def test_a_good_command_becomes_its_object(text: str):
    assert parse(text) == GOOD[text]


@pytest.mark.parametrize("text", BAD)
def test_a_bad_command_names_the_word_and_what_was_expected(text: str):
    with pytest.raises(CommandError) as raised:
        parse(text)
    assert BAD[text] in str(raised.value)
    assert "\n" not in str(raised.value)


@given(st.text(max_size=60))
def test_any_text_is_a_command_or_a_command_error(text: str):
    try:
        parse(text)
    except CommandError as error:
        assert str(error)


_WORDS = st.sampled_from(
    ["MVSTOR", "PLAN", "FREE", "DISPLAY", "LPAR1", "HSA=", "HSA=1M", "SIZE=1M", "END", "TEST", "=", ",", '"', "op.1",
     "IOP1.0190", "ON", "EXPAND=A,SIZE=", "LIPS=a,,b", "DEVICES=,", "QUIESCE=1.5s", "STOP=1.", "BUSY="]
)  # fmt: skip


@given(st.lists(_WORDS, max_size=6).map(" ".join))
def test_any_words_of_the_language_are_a_command_or_a_command_error(text: str):
    try:
        parse(text)
    except CommandError as error:
        assert str(error)


def test_a_very_long_command_is_refused():
    with pytest.raises(CommandError, match="characters; expected at most 1000"):
        parse("MVSTOR " + "A" * 2000)


def test_every_verb_has_its_usage():
    assert len(usage()) == len(c.GRAMMAR)
    assert all(line.split()[0] in c.VERBS for line in usage())


@pytest.mark.parametrize(
    ("text", "choices"),
    [("MV", ["MVSTOR"]), ("MVSTOR ", ["LPAR1", "LPAR2"]), ("PLAN ", ["FREE", "EXPAND"]), ("DISPLAY F", ["FRAME"]),
     ("MVSTOR LPAR2 HS", ["HSA="]), ("mvstor lpar2 q", ["QUIESCE="])],
)  # fmt: skip
def test_the_last_word_is_completed(text: str, choices: list[str]):
    assert complete(text, ("LPAR1", "LPAR2")) == choices
