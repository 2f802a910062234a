"""`python -m lparvm`, and the `lparvm` script."""

import os
import sys


def main() -> None:
    """Run the command line; a Ctrl-C while it is still loading ends it with 130, too."""
    try:
        from lparvm.cli import cli  # noqa: PLC0415 - so that a Ctrl-C in the imports is caught

        code = cli()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        # The reader has gone (`| head`): nobody is left to be told. Python's own flush at exit must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


if __name__ == "__main__":
    main()
