import pytest
from starlette.requests import Request

from runner.model.secret import Secret
from runner.web.access import refusal

HOST = ("host", "127.0.0.1:8080")


def code(*headers: tuple[str, str], peer: str | None = "127.0.0.1", token: str | None = None) -> int:
    """Return the status of the refusal, 0 when the request may be served."""
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": "http", "headers": raw, "client": None if peer is None else (peer, 4711)}
    refused = refusal(Request(scope), None if token is None else Secret(token))
    return 0 if refused is None else refused.status_code


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([("authorization", "Bearer s3same")], 0),
        ([("authorization", "Bearer S3same")], 401),
        ([("authorization", "Bearer s3same ")], 401),
        ([("authorization", "bearer s3same")], 401),
        ([("authorization", "Basic s3same")], 401),
        ([("authorization", "Bearer é")], 401),
        ([("authorization", "Bearer s3same"), ("authorization", "Bearer s3same")], 401),
        ([], 401),
    ],
)
def test_with_a_token_its_bearer_is_answered_wherever_he_is(given: list[tuple[str, str]], expected: int) -> None:
    assert code(HOST, *given, token="s3same") == expected
    assert code(("host", "runs.example"), *given, peer="203.0.113.7", token="s3same") == expected


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080"])
def test_without_one_this_machine_is_answered(peer: str, host: str) -> None:
    assert code(("host", host), peer=peer) == 0


@pytest.mark.parametrize("peer", ["203.0.113.7", "10.0.0.1", "::ffff:10.0.0.1", "testclient", None])
def test_without_one_nobody_else_is(peer: str | None) -> None:
    assert code(HOST, peer=peer) == 403


@pytest.mark.parametrize(
    "header",
    [
        ("x-forwarded-for", "203.0.113.7"),
        ("forwarded", "for=203.0.113.7"),
        ("via", "1.1 proxy"),
        ("x-real-ip", "127.0.0.1"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ],
)
def test_nor_what_a_proxy_or_another_site_sends(header: tuple[str, str]) -> None:
    assert code(HOST, header) == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1", "0.0.0.0"])
def test_nor_a_name_that_was_made_to_point_here(host: str) -> None:
    assert code(("host", host)) == 403


def test_the_services_own_page_may_ask() -> None:
    assert code(HOST, ("origin", "http://127.0.0.1:8080")) == 0
