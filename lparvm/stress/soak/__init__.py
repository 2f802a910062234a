"""A soak: every built-in guest at once under the real clock, with threads and real copies, moved without pause.

    tenants.py    the machine: an LPAR of each built-in guest, drawn from the seed
    commands.py   draws commands
    operators.py  who gives them, one after the other without pause
    watch.py      what must hold at every moment, as far as it is seen from outside
    memory.py     what the process uses, and whether it grows
    counts.py     what was done
    run.py        all of it, from start to verdict
    report.py     what it came to; render.py: for people

Not replayable: threads and the real clock take part. The seed draws the machine, the guests and each operator's
commands, nothing else.
"""

from lparvm.stress.soak.options import SoakOptions, SoakProgress
from lparvm.stress.soak.report import SoakReport
from lparvm.stress.soak.run import soak

__all__ = ["SoakOptions", "SoakProgress", "SoakReport", "soak"]
