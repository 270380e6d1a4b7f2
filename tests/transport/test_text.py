from runner.transport.text import gist, plain


def test_control_characters_never_reach_the_terminal():
    assert plain("a\x1b[31mred\x1b[0m\r\nb\x07\x9b2J\u202ec") == "ared b 2J c"


def test_long_text_is_cut():
    assert len(plain("x" * 10_000)) == 400


def test_an_html_page_is_named_by_its_title():
    assert gist(b"<html><title>502 Bad\nGateway</title>", "text/html") == "an HTML page titled '502 Bad Gateway'"


def test_an_empty_body_is_said():
    assert gist(b"") == "an empty body"
