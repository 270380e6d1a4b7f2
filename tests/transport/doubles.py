"""A clock without waiting, and a client over a mock."""

import asyncio
from random import Random

import httpx

from runner.transport.client import Client, Settings
from runner.transport.limits import Limits, Rules
from runner.transport.network import wire_over


class Ticks:
    """A clock that jumps when it is slept on; it writes down how long."""

    def __init__(self, now=1_000_000.0):
        self.at = now
        self.slept = []

    def now(self):
        return self.at

    def monotonic(self):
        return self.at

    async def sleep(self, delay_s):
        self.slept.append(delay_s)
        self.at += delay_s
        await asyncio.sleep(0)


def client_over(handler, *, clock=None, rules=None, base_url="https://api.example.com/v1", **settings):
    """A client whose requests go to `handler(httpx.Request) -> httpx.Response`."""
    clock = clock or Ticks()
    given = Settings(base_url, **{"resolve": None, **settings})
    limits = Limits(rules or Rules(), clock, Random(1))
    return Client(given, wire_over(httpx.MockTransport(handler)), limits, clock, Random(1))
