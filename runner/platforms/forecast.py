"""Asking before a job what it would cost and what it would change; nothing is changed here."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from runner.model.errors import Refused, StopRun, Unavailable, UnreadableReply
from runner.model.job import Change, Estimate
from runner.platforms.forecast_spec import Comparison, Predictions, Pricing
from runner.platforms.session import Session, reading
from runner.platforms.states import number_of
from runner.platforms.tree import Scope
from runner.platforms.walk import all_matched, is_wanted, run_checks, run_steps


async def estimate(session: Session, pricing: Pricing, scope: Scope) -> Estimate:
    """Ask what new items would cost; a price that cannot be told is no reason to stop, the estimate says why.

    Args:
        session: of the connection.
        pricing: of the target.
        scope: with `count` and an empty `kept`.

    Raises:
        AuthError, StopRun: the login is refused, the platform is down.
    """
    try:
        await run_steps(session, pricing.before, scope)
        if pricing.call is not None:
            scope |= (await session.ask(pricing.call, scope)).scope()
        with reading("the estimate"):
            money, how = pricing.money(scope), pricing.how(scope)
            price = number_of(money)
            if price is None and money is not None:
                raise UnreadableReply(f"{str(money)[:40]!r} is not an amount of money")
            return Estimate(price, pricing.currency, str(how))
    except StopRun:
        raise
    except (Refused, Unavailable, ValueError) as error:
        return Estimate(None, pricing.currency, f"unknown: {error}")


async def predicted(session: Session, predictions: Predictions, scope: Scope) -> frozenset[str]:
    """Return the items that the platform already has results of; none when that is unknown now.

    Args:
        session: of the connection.
        predictions: of the target.
        scope: with the first item, and an empty `kept`.

    Raises:
        AuthError, StopRun: the login is refused, the platform is down.
    """
    try:
        await run_steps(session, predictions.before, scope)
        if not is_wanted(predictions.step.when, scope):
            return frozenset()
        found = await all_matched(session, predictions.step, scope, sys.maxsize)
        with reading("what is predicted already"):
            return frozenset(str(predictions.id(one)) for one in found)
    except StopRun:
        raise
    except (Refused, Unavailable):
        return frozenset()


async def compare(session: Session, comparison: Comparison, scope: Scope) -> Sequence[Change]:
    """Compare what the recipe wants on the platform with what is there.

    Raises:
        AuthError: what the recipe names is not there, or may not be seen.
        Unavailable: it cannot be told now.
    """
    await run_checks(session, comparison.before, scope)
    with reading("a comparison"):
        wanted, found, what = comparison.wanted(scope), comparison.found(scope), str(comparison.what(scope))
    if not isinstance(wanted, Mapping):
        return ()
    there = found if isinstance(found, Mapping) else {}
    differing = {name: value for name, value in wanted.items() if name not in there or there[name] != value}
    if not differing:
        return ()
    before = {name: there.get(name) for name in differing} if isinstance(found, Mapping) else None
    return [Change(what, before, differing)]
