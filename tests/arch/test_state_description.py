from lparvm.arch.address import Zone
from lparvm.arch.state_description import StateDescription


def test_two_state_descriptions_share_no_registers():
    one, other = (StateDescription("LPAR1", f"LIP{n}", n, Zone(0, 4)) for n in (0, 1))
    one.general_registers[3] = 7
    one.control_registers[0] = 9
    assert other.general_registers == [0] * 16
    assert other.control_registers == [0] * 16


def test_without_expanded_storage_there_is_no_block():
    assert StateDescription("LPAR1", "LIP1", 0, Zone(0, 4)).expanded_blocks == 0
