"""Putting names in an order in which everything stands behind what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def circle(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Return names that need each other in a circle, the first one again at the end; empty when there is none."""
    left = {name: set(one) & needs.keys() for name, one in needs.items()}
    while free := [name for name, one in left.items() if not one]:
        for name in free:
            del left[name]
        for one in left.values():
            one.difference_update(free)
    if not left:
        return []
    path = [next(iter(left))]
    while (following := min(left[path[-1]])) not in path:
        path.append(following)
    return [*path[path.index(following) :], following]


def ordered(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Return all names, each behind what it needs, otherwise in the order given; there must be no circle."""
    done: dict[str, None] = {}
    waiting = list(needs)
    while waiting:
        ready = [name for name in waiting if all(one in done or one not in needs for one in needs[name])]
        done.update(dict.fromkeys(ready[:1]))
        waiting = [name for name in waiting if name not in done]
    return list(done)
