"""lparvm: an emulator of a logically partitioned mainframe whose partitions move while their guests run."""

__version__ = "0.1.0"
