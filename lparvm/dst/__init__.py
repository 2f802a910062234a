"""Controlled scheduling for trio. Knows nothing of LPARs."""
