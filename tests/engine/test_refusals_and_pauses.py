"""A refused request and a refused login, a dead platform and one that asks to wait: whole applies over a manifest."""

from dataclasses import replace

import httpx
import pytest

from runner.ledger.memory import MemoryLedger
from runner.model.errors import AuthError, PauseTooLong, StopRun
from runner.model.recipe import RunOptions
from tests.engine.test_replies_that_misfit import ITEMS, PLAIN, PLATFORM, answer, errors
from tests.engine.world import FastClock, applied, work_on
from tests.platforms.made import PLACE, manifest, over

LISTED = PLATFORM.replace("not_created: [400,", "not_created: [400, 401, 403, 429,").replace(
    "answer }}", "answer | default(none) }}"
)
CHECKED = LISTED.replace("  headers: {Auth", "  check: {get: /me}\n  headers: {Auth")
PAGE = "<html><title>Attention Required!</title>blocked</html>"


class Server:
    """Jobs are done when they are asked about; `refuses` says which requests get another reply."""

    def __init__(self, refuses):
        self.refuses, self.asked = refuses, []

    def __call__(self, request):
        path = request.url.path
        key = request.read().decode().partition('"item":"')[2].partition('"')[0]
        self.asked.append(f"{request.method} {path} {key}".strip())
        if (refused := self.refuses(f"{request.method} {path} {key}".strip(), len(self.asked))) is not None:
            return refused if isinstance(refused, httpx.Response) else answer(*refused)
        if request.method == "POST":
            return answer(201, {"id": key})
        if path in ("/me", "/jobs"):
            return answer(200, {"jobs": []})
        return answer(200, {"status": "done", "answer": path.upper()})

    def count(self, start):
        return sum(each.startswith(start) for each in self.asked)


def world(refuses, text=LISTED, items=ITEMS[:8], run=PLAIN):
    """Return a function that applies once, the server, the ledger and the clock."""
    clock, server, ledger = FastClock(), Server(refuses), MemoryLedger()

    def apply():
        target = over(server, manifest(text), clock=clock).target("p.t", {}, PLACE)
        return applied(work_on(ledger, items, target, clock=clock, run=run))

    return apply, server, ledger, clock


# -- one item's refusal
@pytest.mark.parametrize("text", [LISTED, CHECKED], ids=["no check", "check"])
@pytest.mark.parametrize("status", [401, 403])
def test_a_firewall_that_dislikes_one_text_fails_one_item(text, status):
    apply, server, ledger, _ = world(lambda asked, n: (status, PAGE) if asked == "POST /jobs i2" else None, text)
    report = apply()
    assert (report.outcome, report.counts) == ("failed_items", {"succeeded": 7, "failed": 1})
    assert "Attention Required!" in errors(ledger)["i2"][1]
    assert server.count("GET /me") <= 1


def test_a_login_that_its_check_refuses_stops_the_run_and_the_items_stay_new():
    apply, server, _, _ = world(lambda asked, n: (401, {"error": "bad token"}), CHECKED)
    report = apply()
    assert (report.outcome, type(report.error)) == ("stopped", AuthError)
    assert set(report.counts) == {"new"}
    assert server.count("GET /me") == 1


def test_the_check_is_asked_once_in_ten_seconds():
    bad = {f"POST /jobs i{number}" for number in range(0, 20, 2)}
    apply, server, _, _ = world(lambda asked, n: (403, PAGE) if asked in bad else None, CHECKED, ITEMS)
    assert apply().counts == {"succeeded": 10, "failed": 10}
    assert server.count("GET /me") == 1


def test_without_a_check_the_third_refusal_in_a_row_stops_the_run():
    apply, _, _, _ = world(lambda asked, n: (401, {"error": "bad token"}) if "POST" in asked else None)
    report = apply()
    assert (report.outcome, type(report.error)) == ("stopped", AuthError)
    assert report.counts["failed"] == 2


def test_a_check_that_cannot_be_asked_leaves_the_item_for_later():
    def refuses(asked, n):
        if asked == "GET /me":
            return 503, {}
        return (403, PAGE) if asked == "POST /jobs i2" else None

    apply, _, ledger, _ = world(refuses, CHECKED)
    report = apply()
    assert "failed" not in report.counts
    assert "cannot be checked" in errors(ledger)["i2"][1] or report.outcome in ("pending", "stopped")


FOREIGN = CHECKED.replace(
    'results: {result: "{{ response.answer | default(none) }}"}',
    """results: {call: {get: "https://files.example.com/{{ job.id }}"}, result: "{{ response }}"}""",
)


REDIRECTED = CHECKED.replace(
    'results: {result: "{{ response.answer | default(none) }}"}',
    """results: {call: {get: "/files/{{ job.id }}", read: jsonl}, item: "{{ job.id }}", result: "{{ found }}"}""",
)


@pytest.mark.parametrize("text", [FOREIGN, REDIRECTED], ids=["foreign URL", "redirect, read as a stream"])
def test_a_host_that_never_got_credentials_says_nothing_about_the_login(text):
    def refuses(asked, n):
        if asked.startswith("GET /files/"):
            return httpx.Response(302, headers={"location": f"https://files.example.com/{asked.rpartition('/')[2]}"})
        return (403, "<Error>expired</Error>") if asked == "GET /i2" else None

    apply, server, _, _ = world(refuses, text)
    report = apply()
    assert (report.outcome, report.counts["succeeded"], report.error) == ("held", 7, None)
    assert server.count("GET /me") == 0


# -- a dead platform
@pytest.mark.parametrize("headers", [{}, {"retry-after": "1"}, {"retry-after-ms": "10"}], ids=["bare", "1 s", "10 ms"])
@pytest.mark.parametrize("where", ["POST", "GET /jobs/"])
def test_a_permanent_503_stops_the_run_after_a_minute_whatever_it_asks_for(headers, where):
    dead = httpx.Response(503, headers=headers)
    apply, server, _, clock = world(lambda asked, n: dead if asked.startswith(where) or n > 20 else None)
    began = clock.time
    report = apply()
    assert (report.outcome, type(report.error)) == ("stopped", StopRun)
    assert "503" in str(report.error)
    assert 60 <= clock.time - began <= 180
    assert len(server.asked) < 600


def test_a_503_between_good_replies_stops_nothing():
    slow = httpx.Response(503, headers={"retry-after": "90"})
    apply, _, _, _ = world(lambda asked, n: slow if n % 2 and asked.startswith("GET") else None)
    assert apply().counts == {"succeeded": 8}


# -- a platform that asks to wait
def test_a_pause_longer_than_max_pause_ends_the_apply_with_the_time_to_come_back():
    slow = httpx.Response(429, headers={"retry-after": "3600"})
    apply, _, _, clock = world(lambda asked, n: slow if n > 2 else None)
    began = clock.time
    report = apply()
    assert (report.outcome, type(report.error)) == ("pending", PauseTooLong)
    assert report.error.until == pytest.approx(clock.time + 3600, abs=60)
    assert "apply again after 1970-01-12" in report.error.mend
    assert clock.time - began < 60


def test_a_platform_that_only_asks_to_wait_ends_the_apply_after_max_pause():
    slow = httpx.Response(429, headers={"retry-after": "5"})
    run = replace(PLAIN, max_pause_s=120.0)
    apply, _, _, clock = world(lambda asked, n: slow if asked.startswith("GET /jobs/") else None, run=run)
    began = clock.time
    report = apply()
    assert (report.outcome, type(report.error)) == ("pending", PauseTooLong)
    assert 120 <= clock.time - began <= 240


def test_a_pause_within_a_longer_max_pause_is_waited_for():
    slow = httpx.Response(429, headers={"retry-after": "3600"})
    run = RunOptions(items_per_job=1, max_pause_s=7200.0)
    apply, _, _, clock = world(lambda asked, n: slow if n == 3 else None, run=run)
    began = clock.time
    assert apply().counts == {"succeeded": 8}
    assert clock.time - began >= 3600


def test_a_hint_of_300_years_beside_a_success_is_bounded():
    asked_before = set()

    def refuses(asked, n):
        if not asked.startswith("GET /jobs/") or asked in asked_before:
            return None
        asked_before.add(asked)
        return httpx.Response(200, json={"status": "running"}, headers={"retry-after": "9999999999"})

    apply, _, _, clock = world(refuses)
    began = clock.time
    assert apply().counts == {"succeeded": 8}
    assert clock.time - began < 1000
