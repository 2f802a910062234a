"""The rules that every run is held to, checked from its events alone.

Each module states what its checker looks at, and what it does not. None imports anything of the protocol or
the actors: a checker that shared their tables would share their mistakes.
"""

from lparvm.trace.rules.base import Checker, RuleVerdict, Verdict
from lparvm.trace.rules.book import RULES, RuleBook, all_checkers, check_events

__all__ = ["RULES", "Checker", "RuleBook", "RuleVerdict", "Verdict", "all_checkers", "check_events"]
