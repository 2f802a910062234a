"""Campaigns: many seeds, on an engine, into totals, a results file and a board.

    model.py       what a campaign is; chunks of seeds that go out, outcomes that come back, what an engine is
    runners.py     the function that runs a seed, by its dotted name
    wire.py        verdicts as lines of JSON: between processes, and in results files
    worker.py      the worker process; process.py  one of them, as seen from outside
    pool.py        engine: worker processes on this machine
    on_ray.py      engine: worker processes on the nodes of a Ray cluster
    running.py     hands seeds out, takes verdicts in, tries the seeds of a dead worker one by one
    totals.py      what all seeds came to; summary.py  the same for people and programs
    results.py     the results file, from which a campaign goes on
    board.py       the HTML page

Whichever engine runs the seeds, and in whatever order, the campaign's digest is the same: each seed runs in a process
of the same kind, with the same hash seed, and verdicts are digested by seed.
"""
