"""Stress campaigns: machines drawn from a seed, run under `lparvm.dst`, judged by oracles.

    verdict.py    what one seed came to
    swarm/        draws a machine, its guests, commands and faults from a tape
    episode/      runs one seed: builds the machine, runs it, asks the oracles
    mutants/      protocols that are broken on purpose, for the gauntlet
    campaign/     many seeds: process pool or Ray, results file, board
    statespace/   the pure machines of `protocol/`, explored exhaustively
    soak/         the real clock
"""
