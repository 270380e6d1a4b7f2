"""Checked-in YAML recipes for paid, hosted AI jobs: validate, plan, apply once, go on after a crash."""

__version__ = "0.1.0"
