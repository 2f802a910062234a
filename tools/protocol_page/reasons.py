"""Why an event may come in a state that has no use for it: the states are those that a machine ignores it in."""

from lparvm.protocol import messages as m

REASONS: dict[type, str] = {
    m.StopTimedOut: "The time to stop was over just when the last LIP had acknowledged, or CANCEL had come.",
    m.QuiesceTimedOut: "QUIESCE= was over just when the last IOP had answered, or CANCEL had come.",
    m.BusyReminderDue: "The reminder was due just when the last IOP had answered, or CANCEL had come.",
    m.HaltTimedOut: "The grace was over just when the last IOP had answered, or CANCEL had come.",
    m.GuestStopped: "LIP control told it before it was told to restart the guest.",
    m.IopQuiesced: "An IOP tells it whenever it is asked, or told to clear, and nothing is active, and once when the "
    "last channel program ends or is suspended: it may tell it twice, and CANCEL does not wait for it. It tells "
    "nothing after `HeldStartsReleased`.",
    m.IopBusy: "CANCEL came while the IOP's answer was under way: so it can only be on the way back.",
    m.AnswerTimedOut: "The time was over just when the guest had answered, or CANCEL had come.",
    m.GuestAnswered: "LIP control told it before it was told that the matter is settled.",
    m.GuestUnreachable: "LIP control told it before it was told that the matter is settled.",
}


def unreasoned(events: set[type]) -> list[str]:
    """Ignored events that have no reason here."""
    return sorted(event.__name__ for event in events if event not in REASONS)
