"""The program status word, as far as an emulated LIP needs it (Principles of Operation, chapter 4)."""

from attrs import evolve, frozen

_KEY_SHIFT = 52
_WAIT = 1 << 49
_PROBLEM = 1 << 48
_CONDITION_SHIFT = 44


@frozen
class Psw:
    """A z/Architecture PSW: 64 bits of mask and a 64-bit instruction address."""

    mask: int = 0x0000000180000000
    address: int = 0

    @property
    def key(self) -> int:
        """The access key, 0 to 15."""
        return self.mask >> _KEY_SHIFT & 0xF

    @property
    def wait(self) -> bool:
        """Whether the wait-state bit is on."""
        return bool(self.mask & _WAIT)

    @property
    def problem_state(self) -> bool:
        """Whether the problem-state bit is on."""
        return bool(self.mask & _PROBLEM)

    @property
    def condition_code(self) -> int:
        """0 to 3."""
        return self.mask >> _CONDITION_SHIFT & 3

    def with_key(self, key: int) -> "Psw":
        """The PSW after SET PSW KEY FROM ADDRESS."""
        return evolve(self, mask=self.mask & ~(0xF << _KEY_SHIFT) | (key & 0xF) << _KEY_SHIFT)

    def encode(self) -> bytes:
        """The 16 bytes in storage, big-endian."""
        return self.mask.to_bytes(8, "big") + self.address.to_bytes(8, "big")

    @classmethod
    def decode(cls, data: bytes) -> "Psw":
        """The PSW of 16 bytes of storage."""
        return cls(int.from_bytes(data[:8], "big"), int.from_bytes(data[8:16], "big"))
