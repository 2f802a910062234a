"""What judges a run: each oracle tells problems in words, or nothing.

ending.py             of a machine that has come to rest: answers, agreement, leaks
liveness.py           every guest that should run does run again
report.py             of the machine's own report: guests' data, rules
witness.py            relocations are invisible
linearizability.py    words that LIPs and I/O share
"""
