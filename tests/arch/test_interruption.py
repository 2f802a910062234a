from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.interruption import IoInterruption, ProgramCode, ProgramInterruption


def test_a_program_interruption_tells_code_and_address():
    interruption = ProgramInterruption(ProgramCode.ADDRESSING, 0x2000)
    assert str(interruption) == "program interruption 0005 (addressing) at guest absolute 0x2000"
    assert (interruption.code, interruption.address) == (ProgramCode.ADDRESSING, 0x2000)


@given(st.integers(0, 255), st.integers(0, 255))
def test_only_channel_end_with_device_end_is_a_normal_end(device_status: int, subchannel_status: int):
    interruption = IoInterruption(0x190, device_status, subchannel_status, 0, 0)
    assert interruption.ended_normally == ((device_status, subchannel_status) == (0x0C, 0))
