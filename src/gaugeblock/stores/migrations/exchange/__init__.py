"""The migrations of the family ``state``."""
