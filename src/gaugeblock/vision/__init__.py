"""Visual inspection as pure functions: image bytes to array, embedding, memory bank, score, heat-map."""
