"""The version of lparvm; `pyproject.toml` reads it here."""

VERSION = "0.1.0"
