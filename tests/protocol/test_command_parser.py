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
    'REPLY A "END=1"': c.Reply("A", "END=1"),
    'REPLY A ""': c.Reply("A", ""),
    "DEFINE A SIZE=1M GUEST=Package.module:Class": c.Define("A", M, guest="Package.module:Class"),
    "MVSTOR A HSA=4194304T QUIESCE=10000h STOP=0s": c.MoveStor(
        "A", c.Hsa(1 << 62), stop_ns=0, quiesce_ns=36_000_000 * S
    ),
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
    "DEFINE A SIZE=1M LIPS=": "'LIPS=': no value; expected a number of LIPs",
    "DEFINE A SIZE=1M GUEST=": "'GUEST=': no value; expected the name of a guest",
    "DEFINE A SIZE=1M GUEST=a GUEST=b": "'GUEST=b': GUEST is given twice",
    "IPL A GUEST=idle DEVICE=190": "'DEVICE': cannot stand beside GUEST; expected one of GUEST= or DEVICE=",
    "IPL A DEVICE=190 GUEST=idle": "'GUEST': cannot stand beside DEVICE",
    "IPL A DEVICE=+1": "'DEVICE=+1': wrong value",
    "IPL A DEVICE=1_0": "'DEVICE=1_0': wrong value",
    "IPL A DEVICE=10190": "'DEVICE=10190': wrong value",
    "MVSTOR A END TEST TEST": "'TEST': TEST is given twice",
    "MVSTOR A END=1": "'END=1': does not belong here",
    "MVSTOR A END HSA=1M": "'HSA': cannot stand beside END",
    "MVSTOR A HSA=999999999999999999999999": "too large; expected at most 4194304T",
    "MVSTOR A HSA=1M STOP=10001h": "'STOP=10001h': too large; expected at most 10000h",
    "EXPAND A SIZE=5000000T": "'SIZE=5000000T': too large",
    "MVSTOR A HSA=3\u212a": "wrong value; expected a size",
    "MVSTOR A HSA=1M STOP=1\u017f": "wrong value; expected a duration",
    "STOP \u00e9": "wrong value; expected the name of an LPAR",
    'STOP "A\nB"': "'A\\nB': wrong value",
    'MVSTOR A "HSA=1M"': "'HSA=1M': does not belong here",
    'REPLY A "x" "y"': "'y': does not belong here; expected REPLY lpar",
    "REPLY A": "something is missing; expected a text in quotes",
    '""': "no such command",
    "plan": "PLAN needs more",
    "VARY PATH IOP1.0190 MAYBE": "'MAYBE': wrong value; expected ON or OFF",
    "CANCEL op.3 now": "'now': does not belong here; expected CANCEL op|lpar",
    "XCHSTOR A": "something is missing; expected the name of an LPAR (a letter, then letters, digits, _ and -, 16 characters at most): XCHSTOR lpar lpar",
    "DEFINE op.1 SIZE=1M": "'op.1': wrong value; expected the name of an LPAR (a letter, then",
    "DEFINE ... SIZE=1M": "'...': wrong value; expected the name of an LPAR",
    "DEFINE 1A SIZE=1M": "'1A': wrong value; expected the name of an LPAR",
    "DEFINE ABCDEFGHIJKLMNOPQ SIZE=1M": "16 characters at most",
    "DEFINE A SIZE=1M LIPS=op.1": "'LIPS=op.1': wrong value; expected a number of LIPs, or names",
    "XCHSTOR A B STOP=1s": "'STOP=1s': does not belong here; expected XCHSTOR",
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


def is_a_command_or_refused(text: str) -> None:
    """Anything else than a command or a CommandError fails the test that calls this."""
    try:
        said = repr(parse(text))
    except CommandError as error:
        said = str(error)
    assert said.isprintable(), "an error is one line, with nothing that disturbs a terminal"
    assert len(said) < 1000


@given(st.text(max_size=60))
def test_any_text_is_a_command_or_a_command_error(text: str):
    is_a_command_or_refused(text)


_WORDS = st.sampled_from(
    ["MVSTOR", "PLAN", "FREE", "DISPLAY", "LPAR1", "HSA=", "HSA=1M", "SIZE=1M", "END", "TEST", "=", ",", '"', "op.1",
     "IOP1.0190", "ON", "EXPAND=A,SIZE=", "LIPS=a,,b", "DEVICES=,", "QUIESCE=1.5s", "STOP=1.", "BUSY="]
)  # fmt: skip


@given(st.lists(_WORDS, max_size=6).map(" ".join))
def test_any_words_of_the_language_are_a_command_or_a_command_error(text: str):
    is_a_command_or_refused(text)


@given(st.sampled_from(sorted(GOOD)), st.integers(0, 80), st.text(max_size=3))
def test_a_command_with_something_put_in_is_a_command_or_a_command_error(text: str, place: int, put_in: str):
    is_a_command_or_refused(text[:place] + put_in + text[place:])


@given(st.sampled_from(sorted(GOOD)))
def test_case_matters_in_names_of_guests_and_in_texts_only(text: str):
    def folded(command: c.Command) -> str:
        return repr(command).upper()

    assert folded(parse(text.lower())) == folded(parse(text))
    if "GUEST" not in text and "REPLY" not in text:
        assert parse(text.lower()) == parse(text.upper()) == parse(text)


def test_a_very_long_command_is_refused_and_not_repeated():
    with pytest.raises(CommandError, match="characters; expected at most 1000") as raised:
        parse("MVSTOR " + "A" * 2000)
    assert len(str(raised.value)) < 200


def test_every_verb_has_its_usage():
    assert len(usage()) == len(c.GRAMMAR)
    assert all(line.split()[0] in c.VERBS for line in usage())


COMPLETED = {
    "MV": ["MVSTOR"],
    "": list(c.VERBS),
    "MVSTOR ": ["LPAR1", "LPAR2"],
    "MVSTOR lpar": ["LPAR1", "LPAR2"],
    "MVSTOR LPAR2 HS": ["HSA="],
    "mvstor lpar2 q": ["QUIESCE="],
    "MVSTOR LPAR2 HSA=1M ": ["STOP=", "QUIESCE=", "BUSY=", "EXPAND=", "TEST"],
    "MVSTOR LPAR2 END TEST ": ["STOP=", "QUIESCE=", "BUSY=", "EXPAND="],
    "MVSTOR LPAR2 BUSY=": ["BUSY=REFUSE", "BUSY=WAIT", "BUSY=HALT"],
    "MVSTOR LPAR2 AFTER=": ["AFTER=LPAR1", "AFTER=LPAR2"],
    "MVSTOR LPAR2 HSA=": [],
    "MVSTOR LPAR2 COLOUR=": [],
    "XCHSTOR LPAR1 ": ["LPAR2"],
    "IPL LPAR1 GUEST=idle ": [],
    "PLAN ": ["FREE", "EXPAND"],
    "PLAN EXPAND ": ["LPAR1", "LPAR2"],
    "PLAN FREE ": [],
    "PLAN FREE 1M ": ["GO"],
    "PLAN NOTHING ": [],
    "VARY PATH IOP1.0190 O": ["ON", "OFF"],
    "DISPLAY F": ["FRAME"],
    "DISPLAY ": ["FRAME", "STORAGE", "DEVICES", "OPERATIONS", "CALIBRATION"],
    "DISPLAY FRAME ": [],
    "NONSENSE ": [],
}


@pytest.mark.parametrize("text", COMPLETED)
def test_the_last_word_is_completed(text: str):
    assert complete(text, ("LPAR1", "LPAR2")) == COMPLETED[text]


@given(st.text(max_size=40) | st.lists(_WORDS, max_size=6).map(" ".join))
def test_any_text_can_be_completed(text: str):
    assert all(isinstance(choice, str) for choice in complete(text, ("LPAR1",)))
