"""Production: orders, lots, units and their genealogy, line state, forecasts. A working room."""
