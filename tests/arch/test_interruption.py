import attrs
import pytest

from lparvm.arch.interruption import IoInterruption, ProgramCode, ProgramInterruption


def test_a_program_interruption_tells_code_and_address():
    interruption = ProgramInterruption(ProgramCode.ADDRESSING, 0x2000)
    assert str(interruption) == "program interruption 0005 (addressing) at guest absolute 0x2000"
    assert (interruption.code, interruption.address) == (ProgramCode.ADDRESSING, 0x2000)


def test_an_io_interruption_tells_the_subchannel_and_cannot_be_changed():
    interruption = IoInterruption(0x190, 2, 0xCAFE, 3)
    assert (interruption.device, interruption.subchannel) == (0x190, 2)
    assert (interruption.parameter, interruption.isc) == (0xCAFE, 3)
    assert interruption == IoInterruption(device=0x190, subchannel=2, parameter=0xCAFE, isc=3)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        interruption.isc = 0
