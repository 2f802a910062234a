"""What an oracle found."""

from attrs import frozen


@frozen
class Problem:
    """One thing that must not be.

    Attributes:
        oracle: who found it, such as `leak` or `rule:page-custody`.
        detail: one line.
    """

    oracle: str
    detail: str
