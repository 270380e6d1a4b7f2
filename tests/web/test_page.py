from pathlib import Path

from runner.model.problem import Mark
from runner.model.recipe import Component, Recipe
from runner.web.entry import Entry
from runner.web.page import HEADERS, page

EVIL = "<script>alert(1)</script>"


def test_recipes_and_runs_are_shown_and_nothing_of_theirs_runs() -> None:
    trigger = Component("webhook", {}, Mark("r.yaml"), {"path": f"/{EVIL}", "secret": "shop"})
    entry = Entry("0" * 16, EVIL, "webhook", "k", {}, 1.0, ended_at=2.0, outcome="error", error=EVIL)
    text = page([Recipe(EVIL, "r.yaml", (), triggers=[trigger])], [entry], 100)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 4
    assert "shop" not in text
    assert "0 of at most 100 wait or run" in text


def test_fifty_runs_are_enough() -> None:
    entries = [Entry(f"{number:016x}", "r", "webhook", "k", {}, 1.0) for number in range(60)]
    text = page([], entries, 100)
    assert text.count("/api/runs/") == 50
    assert "60 of at most 100" in text


def test_nothing_is_loaded_from_anywhere(tmp_path: Path) -> None:
    text = page([], [], 1)
    assert "http://" not in text and "https://" not in text and "src=" not in text
    assert HEADERS["Content-Security-Policy"].startswith("default-src 'none'")
