"""The exchange: what overseas customers may see, prove and say. A working room; it meets the others in the log."""
