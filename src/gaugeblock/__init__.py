"""Gaugeblock 量块: every AI verdict of a factory is a signed record that an outsider can verify."""

__version__ = "0.1.0"
