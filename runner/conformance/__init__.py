"""Conformance suites for every kind, as pytest classes: our own tests and those of other packages inherit them.

    from runner.conformance.sink import SinkContract

    class TestParquet(SinkContract):
        ...

The docstring of each class lists what it needs. `place` builds the context of a connector under test.
"""
