"""The migrations of the family ``projections``."""
