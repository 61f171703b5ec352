"""Product carbon footprints by PACT 3: stated, calculated from a period's inputs, listed, asked for by events."""
