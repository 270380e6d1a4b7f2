import pytest

from runner.model.secret import Secret
from runner.web.signature import SCHEMES, Signing

BODY = b'{"modelType": "boxes"}'
KNOWN = [  # made by openssl: printf '%s' BODY | openssl dgst -sha1 -hmac sesame; the plain hash over sesame and BODY
    ("hmac-sha1", BODY, "sha1=e08560291d88e2589e8c6b7ccee205f889619256"),
    ("hmac-sha1", b"", "sha1=1e968f32bb28d2bcade82e5fd9fa711a5b20d25a"),
    ("hmac-sha256", BODY, "sha256=cc6d33e8eaf547472211b534d7ca0430c0e88038b6d1130e74e736b00156362b"),
    ("sha1", BODY, "sha1=e33f81dde2468b2ce5cb02f086c8e3caf51a83ef"),
]


@pytest.mark.parametrize(("scheme", "message", "signed"), KNOWN)
def test_signed_as_others_sign(scheme: str, message: bytes, signed: str) -> None:
    assert Signing(scheme, Secret("sesame")).sign(message) == signed


@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_is_valid_for_its_own_message_only(scheme: str) -> None:
    signing = Signing(scheme, Secret("sesame"))
    signed = signing.sign(BODY)
    assert signing.is_valid([signed], BODY)
    assert not signing.is_valid([signed], BODY + b" ")
    assert not Signing(scheme, Secret("Sesame")).is_valid([signed], BODY)


@pytest.mark.parametrize("given", [[], [""], ["sha1"], ["sha1="], ["é"], ["\udcff"], ["sha1=" + "0" * 40]])
def test_anything_else_is_not(given: list[str]) -> None:
    assert not Signing("hmac-sha1", Secret("sesame")).is_valid(given, b"")


def test_the_header_must_come_once() -> None:
    signing = Signing("hmac-sha1", Secret("sesame"))
    assert not signing.is_valid([signing.sign(BODY)] * 2, BODY)


@pytest.mark.parametrize(
    ("scheme", "header"), [("hmac-sha1", "X-Hub-Signature"), ("hmac-sha256", "X-Hub-Signature-256")]
)
def test_each_form_has_its_header(scheme: str, header: str) -> None:
    assert Signing(scheme, Secret("s")).header_name == header
    assert Signing(scheme, Secret("s"), "X-Other").header_name == "X-Other"
