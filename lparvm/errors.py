"""Exceptions: each says who is at fault, and what was expected.

`LparvmError` is the base of everything raised on purpose. Two families, as a caller needs them:

- `UsageError` and its children: *you* gave something that cannot work (a scenario, a command, a name).
  The text is one line that names the place and what was expected. The command line prints it, exit 2.
- `ProtocolError`: *lparvm* broke its own protocol. It carries the story that led there. Never expected.

What a guest does wrong is neither: that is a program interruption (`arch.interruption`), visible to the
guest. What storage does wrong is `StorageFault`, what the page mover does is `MoverFailed`: outcomes that the
relocation handles.
"""


class LparvmError(Exception):
    """Base of all exceptions that lparvm raises on purpose."""


class UsageError(LparvmError):
    """The caller's input cannot work; the message is one line that names the place and the expectation."""


class ScenarioError(UsageError):
    """A scenario file is wrong.

    Attributes:
        source: file name or built-in name.
        key: dotted path of the key, such as `lpar[1].size`; empty where the whole file is meant.
        expected: what would have been right.
    """

    def __init__(self, source: str, key: str, problem: str, expected: str = "") -> None:
        """Join the parts to `source: key: problem; expected ...`."""
        self.source, self.key, self.problem, self.expected = source, key, problem, expected
        where = f"{source}: {key}: " if key else f"{source}: "
        super().__init__(f"{where}{problem}" + (f"; expected {expected}" if expected else ""))


class CommandError(UsageError):
    """A command of the service processor's language is wrong.

    Attributes:
        text: the command as given.
        word: the word that is wrong; empty where one is missing.
        expected: what would have been right.
    """

    def __init__(self, text: str, word: str, problem: str, expected: str = "") -> None:
        """Join the parts to `'word': problem; expected ...`."""
        self.text, self.word, self.problem, self.expected = text, word, problem, expected
        where = f"'{word}': " if word else ""
        super().__init__(f"{where}{problem}" + (f"; expected {expected}" if expected else ""))


class StorageFault(LparvmError):  # noqa: N818 - the machine's fault, not the program's error
    """A frame of main storage failed: a machine check on a real machine.

    Attributes:
        frame: host absolute frame number.
    """

    def __init__(self, frame: int) -> None:
        """Name the frame."""
        self.frame = frame
        super().__init__(f"storage fault at frame {frame} (host absolute {frame * 4096:#x})")


class MoverFailed(LparvmError):  # noqa: N818 - the machine's fault, as a storage fault is
    """The page mover itself failed, in the middle of a move or an exchange.

    Attributes:
        cursor: how many of its page steps were done.
    """

    def __init__(self, cursor: int) -> None:
        """Tell how far it came."""
        self.cursor = cursor
        super().__init__(f"the page mover failed after {cursor} page steps")


class ProtocolError(LparvmError):
    """Lparvm broke its own protocol: an event came in a state that has no row for it.

    Attributes:
        story: the transitions that led here, oldest first.
    """

    def __init__(self, problem: str, story: tuple[str, ...] = ()) -> None:
        """Keep the story and print it below the problem."""
        self.story = story
        super().__init__("\n  ".join((problem, *story)))
