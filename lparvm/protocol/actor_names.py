"""Names of the actors, as they stand in the trace and address the mailboxes."""

SERVICE_PROCESSOR = "SVP"
LPAR_CONTROL = "LPARCTL"
RESOURCE_MANAGER = "RM"


def lip_control_of(lpar: str) -> str:
    """Name of the LIP control actor of an LPAR."""
    return f"LIPCTL.{lpar}"
