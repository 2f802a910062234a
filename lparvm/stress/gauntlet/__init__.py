"""The gauntlet: every mutant under every policy, and how many seeds it takes to catch it.

cells.py    what is run, and what came of it
running.py  runs it on an engine of `campaign`
"""
