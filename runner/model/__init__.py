"""The words of the house as plain data: contracts, items, jobs, events, problems, errors, secrets.

An *item* is one unit of a source. A *job* is the remote piece of paid work over one or more items. A *result* is what
the target gave for one item; a *record* is the row made of it for the sinks. A *problem* is what is wrong in a
document, with its *mark* (file:line:col). Standard library only; every other room may import this one.
"""
