"""Real systems at the plant's edge."""
