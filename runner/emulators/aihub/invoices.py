"""Find the fields of an invoice in its text, by rules."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation

# A label, perhaps a colon, and the value on the same line or alone on the next.
_THEN = r"[ \t]*[:#=]?[ \t]*(?:\n[ \t]*)?(?P<value>[^\n]*)"
_HEADER = re.compile(r"\binvoice\W*(?:$|(?:no|nr|number|id)\b|#|[ \t][A-Z]{0,6}[-/]?\d)", re.I)
_HEADER_LINES = 5
_NUMBER = [
    re.compile(r"\binvoice[ \t]*(?:no\b\.?|number\b|nr\b\.?|id\b|#)" + _THEN, re.I),
    re.compile(r"\binvoice[ \t]+(?P<value>[A-Z]{0,6}[-/]?\d[\w/-]*)", re.I),
]
_DATE = [
    re.compile(r"\b(?:invoice[ \t]+date|date[ \t]+of[ \t]+issue|issue[ \t]+date|issued(?:[ \t]+on)?)\b" + _THEN, re.I),
    re.compile(r"^[ \t]*date\b" + _THEN, re.I | re.M),
]
_VENDOR = [
    re.compile(r"^[ \t]*(?:vendor|supplier|seller|sold[ \t]+by|billed[ \t]+from|from)[ \t]*:" + _THEN, re.I | re.M)
]
_TOTAL = [
    re.compile(rf"^[^\n]*?(?<!sub)(?<!sub[ -])\b{label}\b[ \t]*(?:\([^)\n]*\))?" + _THEN, re.I | re.M)
    for label in (r"grand[ \t]+total", r"(?:amount|total|balance)[ \t]+due", r"total[ \t]+amount", r"total")
]
_CODE = re.compile(r"\b(?:USD|EUR|GBP|CHF|JPY|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|INR|SGD|BRL)\b")
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR"}
_AMOUNT = re.compile(r"-?\d[\d.,' \xa0]*")
_DATE_FORMS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%B %d %Y",
    "%b %d %Y",
    "%d %B %Y",
    "%d %b %Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
)
_DATE_TEXT = re.compile(
    r"\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[./]\d{1,2}[./]\d{4}|[A-Z]{3,9}\.?\s+\d{1,2},?\s+\d{4}|\d{1,2}\.?\s+[A-Z]{3,9}\.?,?\s+\d{4}",
    re.I,
)

Found = tuple[str, tuple[int, int]]


class NotFound(ValueError):
    """A field is not there, or what stands there cannot be read; the text says which."""


def starts(pages: Sequence[str]) -> list[int]:
    """Tell which pages begin an invoice, counted from 0; the first always does.

    Such a page has, among its first lines, a heading like `INVOICE` or `Invoice no. 7`; one that repeats the number of
    the invoice before goes on with it.
    """
    found, current = [], None
    for at, page in enumerate(pages):
        lines = [line for line in page.splitlines() if line.strip()][:_HEADER_LINES]
        headed = any(_HEADER.search(line) for line in lines)
        number = _number_or_none(page) if headed else None
        if at == 0 or (headed and (number is None or number != current)):
            found.append(at)
            current = number
    return found


def invoice_number(text: str) -> Found:
    """Find the number; it has a digit in it."""
    value, place = _labelled(text, _NUMBER, "invoice number")
    words = [word.strip(".,;") for word in value.split()]
    if not words or not re.search(r"\d", words[0]):
        raise NotFound(f"no invoice number in {value!r}")
    return words[0], (place[0], place[0] + len(words[0]))


def invoice_date(text: str) -> Found:
    """Find the date of issue, as `2025-03-01`; a date with slashes is month first unless it cannot be."""
    value, place = _labelled(text, _DATE, "invoice date")
    shown = _DATE_TEXT.search(value)
    plain = re.sub(r"\s+", " ", re.sub(r"[.,](?=\s)", " ", shown.group())) if shown else ""
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(plain, form).date().isoformat(), place
        except ValueError:
            continue
    raise NotFound(f"cannot read a date in {value!r}")


def vendor(text: str) -> Found:
    """Find who sends the invoice: a label, or the first line that is no heading."""
    try:
        return _labelled(text, _VENDOR, "vendor")
    except NotFound:
        at = 0
        for line in text.splitlines(keepends=True):
            name = line.strip()
            if name and ":" not in name and not _HEADER.search(name):
                start = at + line.index(name)
                return name, (start, start + len(name))
            at += len(line)
        raise


def total_amount(text: str) -> Found:
    """Find what is to be paid, as `1234.56`."""
    value, place = _labelled(text, _TOTAL, "total")
    amount = _AMOUNT.search(value)
    if amount is None:
        raise NotFound(f"cannot read an amount in {value!r}")
    try:
        return str(Decimal(_plain(amount.group()))), place
    except InvalidOperation as error:
        raise NotFound(f"cannot read an amount in {value!r}") from error


def currency(text: str) -> Found:
    """Find the currency, as a code of three letters; the line of the total counts before the rest."""
    try:
        _, (start, end) = _labelled(text, _TOTAL, "total")
        line = text.rfind("\n", 0, start) + 1
        spans = [(line, end), (0, len(text))]
    except NotFound:
        spans = [(0, len(text))]
    for start, end in spans:
        code = _CODE.search(text, start, end)
        if code:
            return code.group(), code.span()
        signs = [(text.find(sign, start, end), sign) for sign in _SIGNS if text.find(sign, start, end) >= 0]
        if signs:
            at, sign = min(signs)
            return _SIGNS[sign], (at, at + 1)
    raise NotFound("no currency found")


RULES: dict[str, Callable[[str], Found]] = {
    "invoice_number": invoice_number,
    "invoice_date": invoice_date,
    "vendor": vendor,
    "total_amount": total_amount,
    "currency": currency,
}


def _number_or_none(page: str) -> str | None:
    try:
        return invoice_number(page)[0]
    except NotFound:
        return None


def _labelled(text: str, patterns: Sequence[re.Pattern[str]], what: str) -> Found:
    for pattern in patterns:
        match = pattern.search(text)
        if match and match["value"].strip():
            start, end = match.span("value")
            return match["value"].strip(), (start, end)
    raise NotFound(f"no {what} found")


def _plain(amount: str) -> str:
    """Turn `1,234.56`, `1.234,56`, `1 234,56` and `1'234.56` into `1234.56`."""
    digits = re.sub(r"[' \xa0]", "", amount).rstrip(".,")
    marks = [mark for mark in digits if mark in ".,"]
    if not marks:
        return digits
    last = digits.rfind(marks[-1])
    groups = len(set(marks)) == 1 and (len(marks) > 1 or len(digits) - last == 4)
    whole, fraction = (digits, "") if groups else (digits[:last], digits[last + 1 :])
    whole = re.sub(r"[.,]", "", whole)
    return f"{whole}.{fraction}" if fraction else whole
