"""Puts the parts together: an opened project is a *session*, a stage of a recipe with its connectors is *work*.

The command line and the service call the same few functions here; neither holds rules of its own. This is the only
room that knows recipes, kinds, platforms, ledger and engine at once.
"""
