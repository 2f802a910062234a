"""Who sends what to whom: read off the actors. A test compares it with what runs send."""

from lparvm.protocol import messages as m

OPERATOR, SVP, LPARCTL, LIPCTL, RM, LIP, IOP = "operator", "SVP", "LPARCTL", "LIPCTL", "RM", "LIP", "IOP"

Route = tuple[str, str, tuple[type, ...]]
"""From, to, and the messages. The same name twice: an actor's helper tasks tell it by its own mailbox."""

ROUTES: tuple[Route, ...] = (
    (OPERATOR, SVP, (m.CommandEntered,)),
    (SVP, LPARCTL, (
        m.MoveStorage, m.ExchangeStorage, m.ExpandStorage, m.ShrinkStorage, m.DefineLpar, m.ActivateLpar,
        m.LoadLpar, m.HoldLpar, m.UnholdLpar, m.DeactivateLpar, m.CancelOperation,
    )),
    (SVP, RM, (m.QueryFrame,)),
    (SVP, IOP, (m.VaryPath, m.EnterLine)),
    (LPARCTL, SVP, (m.OperationEnded, m.OperationAdvanced, m.OperatorMessaged)),
    (LPARCTL, RM, (
        m.CheckAreas, m.ReserveAreas, m.ReserveExtension, m.SetAddressLimits, m.ReleaseAreas, m.RetireFrame,
        m.AssignZone, m.FreeZone, m.QueryHoldings, m.LparStateChanged,
    )),
    (LPARCTL, LIPCTL, (
        m.StopGuest, m.RestartGuest, m.ChangeExtent, m.SignalGuest, m.SettleSignal, m.PrepareGuest,
        m.StartGuest, m.HoldGuest, m.ResetGuest,
    )),
    (LPARCTL, IOP, (
        m.QuiesceIop, m.ReportBusyDevices, m.HaltBusyDevices, m.ClearBusyDevices, m.ReleaseHeldStarts,
        m.AttachLpar, m.DetachLpar, m.AbandonLpar,
    )),
    (LPARCTL, LPARCTL, (
        m.StopTimedOut, m.QuiesceTimedOut, m.BusyReminderDue, m.HaltTimedOut, m.AnswerTimedOut,
        m.TargetPrepared, m.ChunkMoved, m.MoveEnded, m.FramesPoisoned, m.FramesCleared, m.FramesProven,
        m.GuestChecked, m.GuestLoaded, m.GuestVerified,
    )),
    (RM, LPARCTL, (
        m.AreasFree, m.AreaTaken, m.AreasReserved, m.ExtensionReserved, m.AddressLimitsSet,
        m.AddressLimitsRefused, m.AreasReleased, m.ZoneAssigned, m.ZoneFreed, m.HoldingsReported,
    )),
    (RM, IOP, (m.SetAddressLimit,)),
    (RM, SVP, (m.FrameReported, m.OperatorMessaged)),
    (LIPCTL, LPARCTL, (
        m.GuestStopped, m.GuestRestarted, m.ExtentChanged, m.GuestSignalled, m.GuestAnswered,
        m.GuestUnreachable, m.SignalSettled, m.GuestPrepared, m.GuestStarted, m.GuestHeld, m.GuestReset,
    )),
    (LIPCTL, LIP, (
        m.StopLip, m.StartInterpretiveExecution, m.SetExtent, m.PresentSignal, m.AttachProcessor,
        m.DetachProcessor, m.InterceptionSimulated,
    )),
    (LIPCTL, IOP, (m.StartIo, m.ResumeIo, m.HaltIo, m.ClearIo, m.ResetLpar, m.ReleaseReservations)),
    (LIPCTL, SVP, (m.OperatorMessaged,)),
    (LIPCTL, LIPCTL, (m.WaitTimedOut,)),
    (LIP, LIPCTL, (
        m.LipStopped, m.InterpretiveExecutionStarted, m.ExtentSet, m.SignalPresented, m.ProcessorAttached,
        m.ProcessorDetached, m.GuestIntercepted, m.GuestFailed,
    )),
    (IOP, LPARCTL, (m.IopQuiesced, m.IopBusy, m.HeldStartsReleased, m.LparAttached, m.LparDetached)),
    (IOP, RM, (m.AddressLimitSet, m.AddressLimitRefused)),
    (IOP, LIPCTL, (
        m.IoBegan, m.IoIntermediate, m.IoEnded, m.PathNotOperational, m.PathChanged, m.StatusOffered,
        m.LparReset,
    )),
    (IOP, SVP, (m.PathVaried, m.LineEntered, m.OperatorMessaged)),
    (IOP, IOP, (m.IoIntermediate, m.ChannelProgramEnded, m.DeviceSignalled)),
    (IOP, "other IOPs", (m.DeviceFreed,)),
)  # fmt: skip


def unrouted() -> list[str]:
    """Messages of the protocol that stand in no route."""
    routed = {message for _, _, messages in ROUTES for message in messages}
    return [kind.__name__ for kind in m.MESSAGES if kind not in routed]


def route_row(route: Route) -> tuple[str, str, str]:
    """A line of the table."""
    sender, receiver, kinds = route
    names = ", ".join(f"`{kind.__name__}`" for kind in kinds)
    return sender, "itself" if sender == receiver else receiver, names
