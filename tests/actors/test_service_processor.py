"""The service processor's own commands: paths, consoles, displays."""

import pytest
from control_bench import control_bench

from lparvm.protocol.results import Result


async def test_a_path_is_varied_and_shown_so(autojump_clock):
    async with control_bench() as bench:
        svp = bench.svp
        assert (await svp.display("DEVICES")).lines == (
            "0009  console  IOP1 on, IOP2 on",
            "0190  disk     IOP1 on",
            "0191  disk     IOP1 on, IOP2 on",
        )
        answer = await svp.execute("VARY PATH IOP2.191 OFF")
        assert (answer.result, answer.code) == (Result.COMPLETED, "LVM011I")
        assert answer.message == "IOP2.0191 is varied off"
        assert bench.iops["IOP2"].online == {0x190: True, 0x191: False, 0x9: True}
        assert (await svp.display("DEVICES")).lines[2] == "0191  disk     IOP1 on, IOP2 off"
        assert (await svp.execute("vary path iop2.0191 off")).message == "IOP2.0191 was varied off already"
        assert (await svp.execute("VARY PATH IOP2.0191 ON")).message == "IOP2.0191 is varied on"
        assert (await svp.execute("VARY PATH IOP1.0191 ON")).message == "IOP1.0191 was varied on already"
        assert "off" not in "".join((await svp.display("DEVICES")).lines)


@pytest.mark.parametrize("path", ["IOP2.0190", "IOP3.0190", "IOP1.0192", "SVP.0190"])
async def test_a_path_that_is_not_there_is_refused(autojump_clock, path: str):
    async with control_bench() as bench:
        answer = await bench.svp.execute(f"VARY PATH {path} OFF")
        assert (answer.result, answer.message) == (Result.UNKNOWN_PATH, f"{path}: no such path")
        assert all(all(iop.online.values()) for iop in bench.iops.values())


async def test_a_reply_goes_to_the_console_as_it_was_typed(autojump_clock):
    async with control_bench() as bench:
        answer = await bench.svp.execute('REPLY a "Yes, go  on"')
        assert (answer.result, answer.message) == (Result.COMPLETED, "A 0009: the line was entered")
        assert bench.iops["IOP1"].lines == [("A", 0x9, "Yes, go  on")]


async def test_a_reply_takes_a_path_that_is_varied_on(autojump_clock):
    async with control_bench() as bench:
        await bench.svp.execute("VARY PATH IOP1.0009 OFF")
        assert (await bench.svp.execute('REPLY A "one"')).result is Result.COMPLETED
        assert [len(iop.lines) for iop in bench.iops.values()] == [0, 1]
        await bench.svp.execute("VARY PATH IOP2.0009 OFF")
        answer = await bench.svp.execute('REPLY A "two"')
        assert (answer.result, "varied off" in answer.message) == (Result.LINE_REFUSED, True)


@pytest.mark.parametrize(("lpar", "result"), [("B", Result.NO_CONSOLE), ("C", Result.UNKNOWN_LPAR)])
async def test_a_reply_without_a_console_is_refused(autojump_clock, lpar: str, result: Result):
    async with control_bench() as bench:
        answer = await bench.svp.execute(f'REPLY {lpar} "hello"')
        assert answer.result is result
        assert lpar in answer.message
        assert "?" not in answer.message


async def test_the_frame_shows_a_failed_lpar(autojump_clock):
    async with control_bench() as bench:
        bench.failed.append("B")
        states = [line.split()[-1] for line in (await bench.svp.display("FRAME")).lines[2:]]
        assert states == ["active", "failed"]


async def test_the_frame_shows_a_check_stopped_lpar(autojump_clock):
    async with control_bench() as bench:
        bench.iops["IOP1"].refuses = 10
        answer = await bench.svp.execute("MVSTOR A HSA=128K")
        assert answer.result is Result.CHECK_STOPPED
        bench.failed.append("A")
        assert (await bench.svp.display("FRAME")).lines[2].split()[-1] == "check-stopped"
        assert [row.state for row in bench.resources.rows()] == ["check-stopped", "active"]
