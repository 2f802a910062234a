"""Everything at once: guests of all sorts on devices that misbehave, moved, halted, cancelled, with paths varied.

Machines and commands are drawn from a seed. Results may be any; no rule may be broken and no guest damaged.
"""

import random

import pytest

from lparvm.machine import Options
from lparvm.report import RunReport
from lparvm.runner import run
from lparvm.scenario import parse_scenario
from machines import story
from trials import command, device, fault, lpar

MISBEHAVIOUR = (
    "delay 20ms", "stop", "unit-check", "no-end", "late-end 30ms", "late-transfer 50ms", "slow 1ms", "disconnect 5ms",
)  # fmt: skip
GUESTS = (
    ("journal", ["0190", "0192"], {"first_block": 0, "tolerate": True, "reserve": True}),
    ("pager", ["0191", "0193"], {"first_block": 200, "pages": 16, "tolerate": True}),
    ("copier", ["0192", "0580"], {"first_block": 100, "blocks": 32, "tolerate": True}),
    ("sharer", ["0193"], {"tolerate": True}),
    ("typist", ["0009"], {}),
)


def _head(rng: random.Random) -> str:
    lines = ['[machine]\nmain_storage = "24M"\n[timing]\nlip_mips = 0.05']
    for number in (1, 2):
        rate = f'rate = "{rng.choice(("1M", "20M"))}"' if rng.random() < 0.4 else ""
        lines.append(f'[[iop]]\nname = "IOP{number}"\n{rate}')
    return "\n".join(lines)


def _devices(rng: random.Random) -> list[str]:
    parts = []
    for number in range(4):
        iop = rng.choice((["IOP1"], ["IOP2"], ["IOP1", "IOP2"]))
        latency = rng.choice(("0ms", "1ms", "3ms"))
        misbehaves = {'"' + entry + '"': rng.choice((0.0, 0.02, 0.05)) for entry in MISBEHAVIOUR}
        kind, options = ("fault", {"probability": misbehaves}) if number < 2 else ("disk", {})
        parts.append(
            device(f"{0x190 + number:04X}", kind=kind, iop=iop, latency=latency, size="256K", **options)
        )
    parts.append(device("000C", kind="clock", every="3ms"))
    parts.append(device("0580", kind="tape", iop=["IOP2", "IOP1"]))
    parts.append(device("0009", kind="console", iop="IOP2", script=["a", "b", "c"], every="30ms"))
    return parts


def _commands(rng: random.Random) -> list[str]:
    texts = []
    for _ in range(24):
        name, megabytes = f"L{rng.randrange(5)}", rng.randrange(23)
        quiesce, busy = rng.choice((1, 10, 50)), rng.choice(("REFUSE", "HALT", "HALT", "WAIT"))
        move = f"MVSTOR {name} HSA={megabytes}M QUIESCE={quiesce}ms BUSY={busy}"
        vary = f"VARY PATH IOP{rng.choice((1, 2))}.019{rng.randrange(4)} {rng.choice(('ON', 'OFF', 'ON'))}"
        others = (f"CANCEL {name}", vary, 'REPLY L4 \\"hello\\"', "DISPLAY DEVICES")
        texts.append(command(f"{rng.randrange(5, 1500)}ms", rng.choice((*[move] * 5, *others))))
    # What waits for a device that never ends would wait for ever.
    texts += [command(f"{at}ms", f"CANCEL L{number}") for at in (2500, 4500) for number in range(5)]
    return texts


def storm(seed: int) -> str:
    """A scenario."""
    rng = random.Random(seed)
    lpars = [
        lpar(f"L{at}", f"{2 * at}M", size="1M", guest=guest, devices=devices, options=options, lips=rng.choice((1, 2)))
        for at, (guest, devices, options) in enumerate(GUESTS)
    ]  # fmt: skip
    parts = [_head(rng), *_devices(rng), *lpars, *_commands(rng)]
    if rng.random() < 0.5:
        parts.append(fault(f"{rng.randrange(10, 900)}ms", "sale-refused", f"IOP{rng.choice((1, 2))}"))
    return "\n".join((*parts, '[run]\nduration = "1700ms"'))


def _stand(seed: int) -> RunReport:
    report = run(parse_scenario(storm(seed)), clock="virtual", options=Options(seed=seed))
    told = f"seed {seed}: {story(report)}"
    assert not [rule for rule in report.rules if rule.verdict == "broken"], told
    assert not [guest for guest in report.guests if guest.damage or guest.failed], told
    return report


@pytest.mark.parametrize("seed", range(4))
def test_no_rule_is_broken_and_no_guest_damaged(seed: int):
    _stand(seed)


def test_a_storm_is_the_same_each_time():
    assert _stand(7).digest == _stand(7).digest


@pytest.mark.sweep
def test_many_storms():
    for seed in range(10, 80):
        _stand(seed)
