"""Guests of the swarm: small, cheap, patient with devices, and each with something that an oracle can judge.

    witness.py     a fixed number of operations; what it sees does not depend on time: relocation invisibility
    shared.py      LIPs and a device share a few words: linearizability
    pulse.py       works for ever and takes service signals: liveness
    patient_io.py  how they do I/O on devices that are halted, cleared, stuck or broken
    pulse_reading.py  how a pulse reads, and suspends its channel programs
    known_pages.py, witness_lane.py  what a witness knows of its storage and its disk

A scenario names them as `lparvm.stress.guests.witness:Witness`, and so on.
"""
