"""The line twin: a model of a production line, exact and fast simulation of it, and a start from its live state."""
