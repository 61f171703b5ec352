"""Asset Administration Shells (IDTA-01001 Part 1, 01002 Part 2 API 3.0, 01005 Part 5 AASX), as pure functions."""
