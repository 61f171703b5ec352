"""Composition: one file a process. Only here do rooms meet."""
