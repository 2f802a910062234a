"""`python -m lparvm`, and the `lparvm` script."""

import sys

from lparvm.console.process import guard_output, leave_at_once


def main() -> None:
    """Run the command line of this process."""
    leave_at_once()
    guard_output()
    from lparvm.cli import cli  # noqa: PLC0415 - a Ctrl-C while it loads is one already

    sys.exit(cli())


if __name__ == "__main__":
    main()
