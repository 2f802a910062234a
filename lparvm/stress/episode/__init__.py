"""One seed of a campaign: its plan is drawn, its machine is built and run, and the oracles judge it.

parts.py      the machine's parts as a simulation needs them: cut finely, with delayed messages
operators.py  gives the commands
blows.py      lets faults strike
machine.py    one run of a plan's machine, to its end
run.py        `run_job`: from a seed to a verdict
"""
