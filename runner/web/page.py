"""One page for people: recipes, what starts them, the latest runs. No script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from runner.model.item import Json
from runner.model.recipe import Component, Recipe
from runner.web.entry import Entry
from runner.web.shown import when

SHOWN: Final = 50
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}

_HEAD: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="10">
<meta name="viewport" content="width=device-width"><title>runner</title><style>
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884; vertical-align: top }
code { font-size: .9em } .done { color: #2a7d2a } .bad { color: #b3261e } .dim { opacity: .7 }
</style></head><body><h1>runner</h1>
"""


def page(recipes: Sequence[Recipe], entries: Sequence[Entry], limit: int, root: str = "") -> str:
    """Return the page.

    Args:
        recipes: all.
        entries: newest first; the first fifty are shown.
        limit: most runs that may wait or run.
        root: path below which the service is served; empty for all of the address.
    """
    open_count = sum(entry.ended_at is None for entry in entries)
    starts = [[recipe.name, "<br>".join(map(_trigger, recipe.triggers)) or "-"] for recipe in recipes]
    runs = [_row(entry, root) for entry in entries[:SHOWN]]
    return "".join(
        [
            _HEAD,
            "<h2>Recipes</h2>",
            _table(["recipe", "started by"], [[escape(name), texts] for name, texts in starts]),
            f"<h2>Runs</h2><p class=dim>{open_count} of at most {limit} wait or run</p>",
            _table(["run", "recipe", "started by", "accepted", "ended", "how"], runs),
            "</body></html>\n",
        ]
    )


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _trigger(component: Component) -> str:
    options: dict[str, Json] = {name: value for name, value in component.plain.items() if name != "secret"}
    texts = [f"{escape(str(name))} {escape(str(value))}" for name, value in options.items()]
    return f"<code>{escape(component.kind)}</code> {', '.join(texts)}"


def _row(entry: Entry, root: str) -> list[str]:
    link = f'<a href="{escape(root)}/api/runs/{entry.id}"><code>{entry.id}</code></a>'
    how = entry.outcome or str(entry.status)
    style = "done" if how == "done" else "bad" if entry.ended_at is not None else "dim"
    error = f"<br><span class=dim>{escape(entry.error[:300])}</span>" if entry.error else ""
    times = [(when(at) or "")[:19].replace("T", " ") for at in (entry.accepted_at, entry.ended_at)]
    return [link, escape(entry.recipe), escape(entry.kind), *times, f"<span class={style}>{escape(how)}</span>{error}"]
