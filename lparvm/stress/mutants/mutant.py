"""What a mutant is: a machine with one small programming error, planted from outside.

Production code knows nothing of it. A mutant is made of parts (`assembly.Parts`) that the machine is built from, of
patches (attributes of modules and classes, replaced while it is planted), or of both. Only one is planted at a time
in a process, and it keeps nothing from one machine to the next: what a mutant remembers stands in its actors.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from attrs import Factory, frozen

from lparvm.assembly import Parts

_INHERITED = object()


@frozen
class Patch:
    """An attribute that is another one while the mutant is planted.

    Attributes:
        target: a module or a class.
        attribute: its name; it must be there, or the patch would break nothing.
        value: what it is meanwhile.
    """

    target: object
    attribute: str
    value: object

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within it the attribute is replaced; restored in any case, also one that a class inherits."""
        assert hasattr(self.target, self.attribute), f"{self.target} has no {self.attribute}"
        # Not by getattr: that unwraps what a class holds, such as a static method.
        before = vars(self.target).get(self.attribute, _INHERITED)
        setattr(self.target, self.attribute, self.value)
        try:
            yield
        finally:
            if before is _INHERITED:
                delattr(self.target, self.attribute)
            else:
                setattr(self.target, self.attribute, before)


@frozen
class Mutant:
    """A protocol that is broken on purpose.

    Attributes:
        name: in kebab case.
        breaks: what is broken, in one sentence.
        parts: what the machine must be built from.
        patches: what is replaced beside that.
        rare: why machines drawn at random don't show it in any number of seeds worth their time; the gauntlet then
            leaves it to directed tests. Empty: they do.
    """

    name: str
    breaks: str
    parts: Parts = Factory(Parts)
    patches: tuple[Patch, ...] = ()
    rare: str = ""

    @contextmanager
    def planted(self) -> Iterator[Parts]:
        """Within it, a machine that is built from these parts and run has the error; nothing is left of it after."""
        with ExitStack() as stack:
            for patch in self.patches:
                stack.enter_context(patch.applied())
            yield self.parts
