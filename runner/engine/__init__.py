"""Brings the world to what a recipe says; knows contracts only, never a kind or a platform.

A *survey* reads the source and says what would be done (the plan); it writes nothing. A *round* reads the source once
more and sends what is new. A job is *in flight* from its intent until its results are in the ledger. To *settle* a job
is to commit its results; to *reconcile* one is to find out whether a request with a lost reply was accepted. To
*publish* is to judge all records and to write the sinks from the ledger.
"""
