"""Array mathematics that two rooms share. Pure."""
