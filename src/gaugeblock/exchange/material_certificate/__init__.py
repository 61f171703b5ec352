"""Material certificates by EN 10204 type 3.1: built from typed inputs, as Metals 0.1.1 JSON and as PDF."""
