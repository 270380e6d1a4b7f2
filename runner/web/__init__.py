"""The service: recipes that are started by a signed request or by the clock, and a view of their runs.

An *order* asks for a run: which recipe, why, with what request. The *queue* takes orders and makes each durable before
it is answered; an order in it is an *entry* until its run has ended. The *crew* takes entries and applies their
recipes, one run of a recipe at a time, by the same functions as `runner apply`. A *hook* is a path that takes signed
requests; a *tick* is a time of a schedule. The *log* of a run is every event of it, in a file, followed by whoever
looks.

The queue is a journal of its own and not a table of the ledger: a request must be answered within moments even when
the ledger is a database that is far away or down, and the queue belongs to this one process on this machine, while a
ledger may be shared by many. Nothing that was paid for is in it: lose the queue, and the ledger still knows all.
"""
