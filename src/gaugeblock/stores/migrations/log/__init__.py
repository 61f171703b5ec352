"""The migrations of the family ``log``."""
