"""Makes trio's scheduler deterministic, in one place.

trio shuffles the tasks that can run in each pass, on purpose: nobody shall rely on their order. For a run that
must be repeatable, the shuffle's generator is seeded and each batch is sorted first, as pytest-trio does under
Hypothesis. Both are private names of trio, so the range of versions is pinned in `pyproject.toml`, and a test
fails loudly on a trio that behaves differently.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trio

# The module behind trio's run loop. Private (see above), and its names are declared final: hence Any.
_run: Any = trio._core._run  # noqa: SLF001


def supported() -> bool:
    """Whether this trio has what is needed."""
    return hasattr(_run, "_ALLOW_DETERMINISTIC_SCHEDULING") and hasattr(_run, "_r")


@contextmanager
def deterministic_scheduling(seed: int) -> Iterator[None]:
    """Within it, a trio run started by this thread schedules its tasks by `seed` alone.

    The state of trio's generator is restored afterwards.

    Raises:
        RuntimeError: this trio lacks the private names; pin a tested version.
    """
    if not supported():
        raise RuntimeError(f"trio {trio.__version__} cannot be scheduled deterministically")
    allowed, state = _run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r.getstate()  # noqa: SLF001
    _run._ALLOW_DETERMINISTIC_SCHEDULING = True  # noqa: SLF001
    _run._r.seed(seed)  # noqa: SLF001
    try:
        yield
    finally:
        _run._ALLOW_DETERMINISTIC_SCHEDULING = allowed  # noqa: SLF001
        _run._r.setstate(state)  # noqa: SLF001
