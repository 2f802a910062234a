"""Where an LPAR is to go: MVSTOR's four ways to say it. Resolved when the command is admitted."""

from attrs import frozen


@frozen
class Hsa:
    """HSA=: the new main storage origin, host absolute address in bytes."""

    origin_bytes: int


@frozen
class Before:
    """BEFORE=: so that the zone ends where that LPAR's begins."""

    lpar: str


@frozen
class After:
    """AFTER=: so that the zone begins where that LPAR's ends."""

    lpar: str


@frozen
class End:
    """END: so that the zone ends where main storage ends."""


Target = Hsa | Before | After | End
