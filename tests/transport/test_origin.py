import asyncio

import pytest

from runner.model.errors import ConfigError, Refused
from runner.transport.origin import Origin, is_public, joined, origin_of, public_address, redirected, resolve


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Example.com/a", Origin("https", "example.com", 443)),
        ("http://h:8080", Origin("http", "h", 8080)),
        ("http://[::1]:90/x", Origin("http", "::1", 90)),
    ],
)
def test_the_origin_is_scheme_host_and_port(url, expected):
    assert origin_of(url) == expected


@pytest.mark.parametrize("url", ["ftp://h/", "h/a", "https://", "http://h:port/", "https://user:pw@h/"])
def test_what_is_no_url_of_ours_is_said(url):
    with pytest.raises(ConfigError) as caught:
        origin_of(url)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/v2/x", (), "https://h/api/v2/x"),
        ("v2/a%2Fb", [("q", "a/b c"), ("q", "ü")], "https://h/api/v2/a%2Fb?q=a%2Fb%20c&q=%C3%BC"),
        ("/x?a=1", [("b", "2")], "https://h/api/x?a=1&b=2"),
        ("https://o/y", (), "https://o/y"),
        ("/a b/ü", (), "https://h/api/a%20b/%C3%BC"),
        ("", (), "https://h/api/"),
    ],
)
def test_paths_are_joined_below_the_base(path, query, expected):
    assert joined("https://h/api/", path, query) == expected
    assert joined("https://h/api", path or "/", query) == expected


@pytest.mark.parametrize("path", ["/a/../b", "/a/.", "/a/%2e%2E/b", "/./b"])
def test_dot_segments_are_refused(path):
    with pytest.raises(Refused):
        joined("https://h", path)


PRIVATE = """
127.0.0.1 10.0.0.1 169.254.169.254 ::1 fe80::1%eth0 fd00::1 ::ffff:10.0.0.1 2002:a00:1:: 0.0.0.0 224.0.0.1
"""


@pytest.mark.parametrize("address", PRIVATE.split())
def test_private_addresses_are_known(address):
    assert not is_public(address)


def test_a_foreign_name_is_looked_up_once_and_every_address_must_be_public():
    async def ask(host, port):
        return {"good": ["93.184.216.34"], "mixed": ["93.184.216.34", "10.0.0.1"], "gone": []}[host]

    def address(host):
        return asyncio.run(public_address(Origin("https", host, 443), ask))

    assert address("good") == "93.184.216.34"
    assert address("gone") is None
    for host in ("mixed", "127.0.0.1", "::1"):
        with pytest.raises(Refused, match="private address"):
            address(host)


def test_a_redirect_may_be_relative():
    assert redirected("https://h/a/b", "../c#x") == "https://h/c"


def test_a_redirect_to_what_is_no_url_is_refused():
    with pytest.raises(Refused, match="no URL"):
        redirected("https://h/a", "http://[bad")


def test_a_name_that_no_host_can_have_has_no_address():
    assert asyncio.run(resolve("foo..com", 80)) == ()
