"""What the machines of a campaign are made of: drawn from a tape, each part from a stream of its own.

plan.py       what is drawn: machine, orders to the operator, faults, pace
machine.py    draws the machine
orders.py     draws what the operators will do, and when
faults.py     draws what fails
"""
