"""This machine: blocking work in threads, files replaced all at once, processes that outlive the runner.

A *replacement* is a file written beside the one it will replace. A *child* is a process in a session of its own, whose
folder tells later runs how it stands. Only this room may be slow on purpose; it knows nothing of recipes.
"""
