"""The nouns every other room speaks: assets, record types, settings, times, words and errors."""
