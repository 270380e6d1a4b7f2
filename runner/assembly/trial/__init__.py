"""Tries recipes and manifests on cases that stand in YAML beside them; what `runner test` does.

A *trial* is one document `kind: Test`; a *case* is some items, what is done to the platform, and what must come of it.
A *discrepancy* is one thing that is not as expected; with its place it becomes a problem like any other. A *stand*
takes the place of the platforms: an emulator, a recorded exchange, or an address that the user names. A *promise* is
what a manifest says about its jobs.
"""
