import asyncio

import pytest
from starlette.responses import PlainTextResponse

from runner.model.errors import ConfigError
from runner.web.listening import listening

APP = PlainTextResponse("here")


async def raw(url: str, sent: bytes) -> bytes:
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    writer.write(sent)
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_it_says_where_it_listens(host: str) -> None:
    async def asked() -> bytes:
        async with listening(APP, host, 0) as url:
            return await raw(url, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert asyncio.run(asked()).endswith(b"here")


@pytest.mark.parametrize("before", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
@pytest.mark.parametrize("part", [b"", b"GET / HT"])
def test_a_peer_that_does_not_end_its_headers_is_hung_up_on(before: bytes, part: bytes) -> None:
    async def silent() -> bytes:
        async with listening(APP, "127.0.0.1", 0, headers_within_s=0.2) as url:
            return await raw(url, before + part)

    assert asyncio.run(silent())[-4:] == (b"here" if before else b"")


def test_a_port_that_is_taken_is_told() -> None:
    async def twice() -> None:
        async with listening(APP, "127.0.0.1", 0) as url, listening(APP, "127.0.0.1", int(url.rpartition(":")[2])):
            pass

    with pytest.raises(ConfigError, match="cannot be listened on"):
        asyncio.run(twice())


def test_an_address_of_another_machine_is_told() -> None:
    async def elsewhere() -> None:
        async with listening(APP, "203.0.113.7", 0):
            pass

    with pytest.raises(ConfigError, match=r"203\.0\.113\.7:0 cannot be listened on"):
        asyncio.run(elsewhere())
