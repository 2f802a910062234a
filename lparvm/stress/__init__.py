"""Stress campaigns: machines drawn from a seed, run under `lparvm.dst`, judged by oracles.

    verdict.py    what one seed came to
    swarm/        draws a machine, its guests, commands and faults from a tape
    guests/       guests of those machines
    episode/      runs one seed: builds the machine, runs it, asks the oracles
    oracles/      what must not be
    mutants/      protocols that are broken on purpose
    gauntlet/     all mutants under all policies
    replaying/    a failure, replayed, shrunk and told
    campaign/     many seeds: process pool or Ray, results file, board
    statespace/   the pure machines of `protocol/`, explored exhaustively
    soak/         the real clock

Nothing here is in the path of a machine that isn't simulated.
"""
