from runner.web.metrics import Metrics


def test_counts_and_gauges_in_the_text_format() -> None:
    metrics = Metrics()
    for _ in range(3):
        metrics.count("runner_runs_ended_total", recipe="a", outcome="done")
    metrics.count("runner_orders_total", trigger='odd "\\\n', result="started")
    text = metrics.text({("runner_runs_open", ()): 2, ("runner_start_time_seconds", ()): 1_795_293_367.25})
    assert 'runner_runs_ended_total{outcome="done",recipe="a"} 3\n' in text
    assert 'runner_orders_total{result="started",trigger="odd \\"\\\\\\n"} 1\n' in text
    assert "runner_runs_open 2\n" in text
    assert "runner_start_time_seconds 1795293367.25\n" in text


def test_every_name_has_a_type_before_its_values() -> None:
    lines = Metrics().text({}).splitlines()
    assert len(lines) == 10
    assert all(line.startswith(("# HELP runner_", "# TYPE runner_")) for line in lines)
