"""Bounds that more than one room keeps: what one lets through, the next must take."""

from __future__ import annotations

IMAGE_BYTES_MAX = 32 * 1024 * 1024
"""Of one encoded image. A larger frame is UNDECIDED at the station; spool and plant take every one up to here."""
