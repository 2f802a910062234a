"""Each mutant is planted for real, and breaks something that can be seen; without it the same machine is intact."""

import re

import mutant_trials as t
import pytest
from attrs import evolve
from mutant_judge import Trial, findings

from lparvm.errors import UsageError
from lparvm.stress.mutants import MUTANTS, find_mutant

# Mutant -> a machine that shows it, and how.
SEEN: dict[str, tuple[Trial, str]] = {
    "skip-stop": (t.MOVES, "rule:stop-holds"),
    "late-stop-acknowledged-by-timer": (t.STUCK_LIP, "rule:stop-holds"),
    "stop-timeout-ignored": (t.A_STUCK_LIP, "result: MVSTOR B HSA=256K STOP=5ms: COMPLETED"),
    "old-stop-counts": (t.STUCK_LIP, "rule:stop-holds"),
    "lip-takes-the-newest-first": (t.A_STUCK_LIP, "idle: B on LIP2"),
    "stopped-guest-started": (t.STOPPED, "rule:stop-holds"),
    "skip-quiesce": (t.READERS, "rule:quiesce-holds"),
    "quiesce-one-iop-only": (t.READERS, "rule:quiesce-holds"),
    "quiesced-at-first-ending": (t.READERS, "rule:quiesce-holds"),
    "resume-not-held": (t.SUSPENDED, "rule:quiesce-holds"),
    "quiesce-timeout-taken-for-quiet": (t.REFUSED, "rule:quiesce-holds"),
    "halt-forgotten": (t.STUCK_FOR_GOOD, "hung: no answer to .*MVSTOR B"),
    "clear-forgotten": (t.HALTED, "rule:quiesce-holds"),
    "given-up-transfer-goes-on": (t.HALTED, "rule:late-transfers-refused"),
    "target-not-reserved": (t.CROWDED, "crash: ProtocolError: .* for B has frames that A holds"),
    "reservation-not-released": (t.BACK_FROM_THE_END, "leak: B holds"),
    "overlap-check-off-by-one": (t.OVERLAPPING, "rule:one-owner"),
    "sale-before-move": (t.MOVES, "rule:phases-in-order"),
    "sale-skipped": (t.READERS, "rule:sale-agrees"),
    "sale-to-one-iop-only": (t.READERS, "rule:io-inside-zone"),
    "refused-sale-ignored": (t.SALE_REFUSED, "rule:sale-agrees"),
    "back-out-keeps-new-sale": (t.SALE_REFUSED, "rule:io-inside-zone"),
    "exchange-commits-one-lpar-first": (t.EXCHANGED, "rule:io-inside-zone"),
    "zone-not-noted": (t.MOVES, "damage: B"),
    "stale-iop-zone-cached-per-start": (t.SUSPENDED, "rule:io-inside-zone"),
    "stale-iop-zone-in-subchannel": (t.READERS, "rule:io-inside-zone"),
    "held-start-begun-at-sale": (t.SLOW_READERS, "rule:starts-end-once"),
    "wrong-direction": (t.MOVES, "rule:direction"),
    "copy-ascending-only": (t.MOVES, "damage: B"),
    "key-not-moved": (t.MOVES, "damage: B .*storage key"),
    "key-loses-change-bit": (t.MOVES, "rule:page-custody: .*keys_wrong"),
    "untouched-page-not-cleared": (t.READERS, "rule:page-custody: .*stale"),
    "cursor-off-by-one": (t.BACK_OUTS, "damage: B"),
    "back-out-one-page-short": (t.BACK_OUTS, "damage: B"),
    "back-out-in-wrong-order": (t.BACK_OUTS, "damage: B"),
    "back-out-forgets-keys": (t.BACK_OUTS, "damage: B .*storage key"),
    "dirty-poison": (t.MOVES, "damage: B"),
    "exchange-swap-wrong-rest": (t.BACK_OUT_OF_AN_EXCHANGE, "damage: B"),
    "exchange-undone-in-wrong-order": (t.BACK_OUT_OF_AN_EXCHANGE, "damage: B"),
    "exchange-forgets-keys": (t.BACK_OUT_OF_AN_EXCHANGE, "damage: A .*storage key"),
    "restart-before-sale": (t.MOVES, "rule:stop-holds: .*NOTIFYING"),
    "restart-while-moving": (t.MOVES, "rule:stop-holds: .*its pages move"),
    "restart-twice": (t.MOVES, "hung: no answer"),
    "lost-restart": (t.MOVES, "hung: no answer"),
    "restart-only-acknowledged": (t.MOVES, "idle: B on LIP2"),
    "stale-origin-in-shared-lip": (t.MOVES, "rule:inside-zone"),
    "stale-origin-of-waiting-guest": (t.READERS, "rule:inside-zone"),
    "cancel-after-sale": (t.CANCELLED_AT_SALE, "crash: ProtocolError: B has nothing reserved"),
    "cancel-believed-after-sale": (
        t.CANCELLED_AT_SALE,
        "untrue: MVSTOR B HSA=160K: CANCELLED, and B has moved",
    ),
    "cancel-lost": (t.BACK_FROM_THE_END, "untrue: CANCEL B: COMPLETED"),
    "cancel-never-answered": (t.BACK_FROM_THE_END, "hung: no answer to .*CANCEL B"),
    "cancel-answered-twice": (t.BACK_FROM_THE_END, "rule:commands-answered"),
    "cancel-leaves-starts-held": (t.CANCELLED_WHILE_QUIESCING, "idle: B on LIP2"),
    "back-out-interrupted": (t.BACK_FROM_THE_END, "damage: B"),
    "held-start-lost": (t.SLOW_READERS, "rule:starts-end-once: .*lost"),
    "held-start-begun-early": (t.SLOW_READERS, "rule:quiesce-holds"),
    "held-starts-in-reverse": (t.SLOW_READERS, "rule:held-starts-in-order"),
    "start-ends-twice": (t.READERS, "rule:starts-end-once"),
    "duplicate-ending-taken-twice": (t.ECHOES, "damage: B"),
    "freed-device-not-told": (t.READERS, "idle: A"),
    "interruption-lost-by-restart": (t.READERS, "rule:interruptions-after-sie"),
    "ending-lost-while-stopped": (t.READERS, "rule:interruptions-once"),
    "interruption-while-stopped": (t.READERS, "rule:interruptions-after-sie"),
    "second-operation-admitted": (t.SECOND_COMMAND, "rule:phases-in-order: .*is held by op.1"),
    "timers-shared": (t.TIMERS, "hung: no answer to .*MVSTOR A"),
    "control-restart-repeats-chunk": (t.CONTROL_DIES_MOVING, "damage: B"),
    "control-restart-forgets-timer": (t.CONTROL_DIES_QUIESCING, "hung: no answer to .*MVSTOR B"),
    "control-restart-drops-message": (t.CONTROL_DIES_QUIESCING, "hung: no answer to .*CANCEL NOBODY"),
    "faulty-frame-not-retired": (t.FAULTY_FRAME, "frame 69 failed and is in use"),
    "expand-not-cleared": (t.EXPANDED, "not clear: frames 16 to 32 of A"),
    "shrink-unproven": (t.SHRUNK, "guest failed: B"),
    "reset-skips-io": (t.RESET, "rule:starts-end-once"),
    "reset-keeps-interruptions": (t.RESET, "rule:interruptions-once"),
    "device-reservation-kept": (t.SHARED_DISK, "idle: B"),
}
SEEDS = 4
TRIALS = {name: trial for name, trial in vars(t).items() if isinstance(trial, Trial)}


@pytest.mark.parametrize("name", TRIALS)
def test_without_a_mutant_the_machine_is_intact(name: str):
    found = findings(TRIALS[name])
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_breaks_something_that_is_seen(name: str):
    trial, expected = SEEN[name]
    found: list[str] = []
    # The first seed is enough, as long as nothing else changes the order in which the actors get their turns.
    for seed in range(SEEDS):
        found = findings(evolve(trial, seed=seed), MUTANTS[name])
        if any(re.match(expected, one) for one in found):
            return
    pytest.fail("\n  ".join((f"{expected} is not among what {SEEDS} seeds found; the last:", *found)))


def test_every_mutant_has_a_machine_that_shows_it_and_every_machine_shows_one():
    assert SEEN.keys() == MUTANTS.keys()
    unused = [name for name, trial in TRIALS.items() if not any(trial is one for one, _ in SEEN.values())]
    assert not unused, f"machines that show nothing: {unused}"


def test_the_same_mutant_breaks_the_same_again():
    trial, _ = SEEN["held-start-lost"]
    first, second = (findings(trial, MUTANTS["held-start-lost"]) for _ in range(2))
    assert first == second, "a mutant keeps nothing from one machine to the next"


def test_names_and_sentences_are_fit_for_a_table():
    for name, mutant in MUTANTS.items():
        assert name == mutant.name
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name), f"{name} is no kebab case"
        assert re.fullmatch(r"[A-Z][^.|\n]*\.", mutant.breaks), (
            f"{name}: '{mutant.breaks}' is not one sentence"
        )


def test_a_mutant_is_found_by_its_name_and_what_is_meant_perhaps_is_named():
    assert find_mutant("skip-quiesce") is MUTANTS["skip-quiesce"]
    with pytest.raises(
        UsageError, match=r"^there is no mutant 'skip-quiese'; expected .*skip-quiesce[^\n]*$"
    ):
        find_mutant("skip-quiese")
    with pytest.raises(UsageError, match=r"expected .*skip-stop, .*device-reservation-kept$"):
        find_mutant("?")
