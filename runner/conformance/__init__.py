"""What every kind must do, as suites of pytest: the tests of the house inherit them, and those of other packages.

    from runner.conformance.sink import SinkContract

    class TestParquet(SinkContract):
        ...

Each class says in its docstring what it needs. `place` gives a connector the world that it lives in.
"""
