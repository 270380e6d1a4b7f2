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
    for name in needs:
        waiting = [name]
        while waiting:
            missing = [one for one in needs[waiting[-1]] if one in needs and one not in done]
            if missing:
                waiting.extend(reversed(missing))
            else:
                done[waiting.pop()] = None
    return list(done)
