"""What becomes of a seed that failed: its tape is kept, replayed, shrunk, told, and made a regression test.

tape_file.py     the file: what was run, what it showed, the choices
replay.py        the very same run again, and what differs where it isn't
shrinking.py     fewer choices, LPARs, commands and faults that show the same
simpler.py       what is worth trying there, the largest steps first
whereabouts.py   the event that shows a problem
story.py         what happened, in words: machine, commands, faults, what the oracles found and what led to it
wording.py       the parts of the story, as lines
story_page.py    the same as a page with pictures
regression.py    a test, ready to paste
audited.py       the same seeds in two processes with two hash seeds, all events compared
"""
