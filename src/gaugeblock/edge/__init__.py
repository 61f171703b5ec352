"""The station: one loop from trigger to verdict, with deadline, guards and spool."""
