"""A line from its own events: its parts, its times, how sure they are, and what the log cannot tell."""
