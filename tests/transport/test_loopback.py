"""Under `--emulate` nothing leaves this machine, whatever a manifest, an item or a reply names."""

import asyncio

import httpx
import pytest

from runner.transport.loopback import LoopbackWire, Reach, is_loopback
from runner.transport.network import NetworkWire, wire_over
from runner.transport.request import Timeouts
from runner.transport.wire import Broken, Fault, Sent


def sent(url: str) -> Sent:
    return Sent("POST", url, [("host", "x")], None, Timeouts())


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/jobs",
        "http://192.0.2.7/jobs",
        "http://127.0.0.1.example.com/jobs",
        "http://localhost.example.com/",
        "http://127.0.0.1@example.com/",
        "http://[2001:db8::1]/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest",
        "http://0.0.0.0/",
        "http://[::ffff:192.0.2.7]/",
    ],
)
def test_another_machine_is_refused_before_a_byte_is_sent(url: str):
    wire = wire_over(httpx.MockTransport(lambda request: pytest.fail("it was sent")), Reach.THIS_MACHINE)
    with pytest.raises(Broken) as broken:
        asyncio.run(wire.open(sent(url)))
    assert broken.value.fault is Fault.OURS


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8900/x", "http://localhost/x", "http://[::1]:1/x", "http://127.9.9.9"]
)
def test_this_machine_is_reached(url: str):
    wire = wire_over(httpx.MockTransport(lambda request: httpx.Response(204)), reach=Reach.THIS_MACHINE)
    assert asyncio.run(wire.open(sent(url))).status == 204
    assert is_loopback(url)


def test_no_proxy_stands_between(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.7:3128")
    wire = wire_over(None, reach=Reach.THIS_MACHINE)
    assert isinstance(wire, LoopbackWire)
    assert isinstance(wire._wire, NetworkWire)
    wire._wire._wire("http://127.0.0.1:1/")
    assert [proxy for _, _, proxy in wire._wire._made] == [None]


def test_without_trust_not_even_this_machine_is_reached():
    wire = wire_over(httpx.MockTransport(lambda request: pytest.fail("it was sent")), Reach.NOTHING)
    with pytest.raises(Broken, match="an untrusted plan reaches no host"):
        asyncio.run(wire.open(sent("http://127.0.0.1:1/x")))
