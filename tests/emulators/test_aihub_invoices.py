"""The rules that read invoices, and the pages they read."""

import pytest

from runner.emulators.aihub import invoices
from runner.emulators.aihub.apps import Document, extract_invoices
from tests.emulators.papers import ACME, BETA, pdf


def found(documents: list[Document]) -> list[tuple[list[int], list[str]]]:
    return [(each.page_numbers, [field.value for field in each.fields]) for each in documents]


ACME_FOUND = ["INV-2025-001", "2025-03-01", "Acme Tools Ltd", "1234.56", "USD"]
BETA_FOUND = ["B-77", "2025-12-24", "Beta GmbH", "1234.50", "EUR"]


def test_a_pdf_and_a_text_say_the_same() -> None:
    for content in (pdf(ACME, BETA), f"{ACME}\f{BETA}".encode(), b"\xef\xbb\xbf" + f"{ACME}\f{BETA}".encode()):
        assert found(extract_invoices("3.2.0", content, "")) == [([1], ACME_FOUND), ([2], BETA_FOUND)]


def test_a_page_without_heading_or_with_the_same_number_goes_on() -> None:
    pages = pdf(ACME, "Terms of payment", "Invoice No INV-2025-001, page 3", BETA)
    assert [each[0] for each in found(extract_invoices("3.2.0", pages, ""))] == [[1, 2, 3], [4]]


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe\x00", b"%PDF-1.4 broken", b"%PDF-"])
def test_a_file_without_text_is_one_document_of_errors(content: bytes) -> None:
    (document,) = extract_invoices("3.2.0", content, "")
    assert {field.value for field in document.fields} == {"ERROR"}
    assert all(field.error for field in document.fields)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Total: 1,234.56", "1234.56"),
        ("TOTAL 1.234,56 EUR", "1234.56"),
        ("Total: 1 234,5 EUR", "1234.5"),
        ("Total 1'000.00", "1000.00"),
        ("Total 1\xa0000,00", "1000.00"),
        ("Total: 1,234", "1234"),
        ("Total: $12.", "12"),
        ("Total (incl. VAT): 7", "7"),
        ("Subtotal: 5\nSub-total: 5\nTotal: 6", "6"),
        ("Total: 6\nGrand total: 8", "8"),
        ("Amount due\n9.90", "9.90"),
        ("Total: -3.00", "-3.00"),
    ],
)
def test_totals_are_read(text: str, value: str) -> None:
    assert invoices.total_amount(text)[0] == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Invoice Date: 2025-03-01", "2025-03-01"),
        ("Date: 1.3.2025", "2025-03-01"),
        ("Date: 03/01/2025", "2025-03-01"),
        ("Date: 31/01/2025", "2025-01-31"),
        ("Issued on 1 Mar. 2025", "2025-03-01"),
        ("Date of issue: March 1, 2025", "2025-03-01"),
        ("Due date: 2025-05-01\nInvoice date: 2025-03-01", "2025-03-01"),
    ],
)
def test_dates_are_read(text: str, value: str) -> None:
    assert invoices.invoice_date(text)[0] == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("Invoice #: 17", "17"), ("Invoice no. A/1", "A/1"), ("INVOICE 2025-9", "2025-9"), ("Invoice Number\nX1", "X1")],
)
def test_numbers_are_read(text: str, value: str) -> None:
    assert invoices.invoice_number(text)[0] == value


@pytest.mark.parametrize(
    ("text", "value"), [("Total 5 GBP", "GBP"), ("Rate in USD\nTotal €5", "EUR"), ("Total 5\nall prices in CHF", "CHF")]
)
def test_the_currency_beside_the_total_counts_most(text: str, value: str) -> None:
    assert invoices.currency(text)[0] == value


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("total_amount", "Total: twelve"),
        ("total_amount", "Subtotal: 5"),
        ("invoice_date", "Date: soon"),
        ("invoice_date", "Date: 31.02.2025"),
        ("invoice_date", "Due date: 2025-01-01"),
        ("invoice_number", "Invoice no: none"),
        ("currency", "Total 5"),
        ("vendor", "Invoice 5\nTotal: 5"),
    ],
)
def test_what_is_not_there_or_cannot_be_read_is_said(rule: str, text: str) -> None:
    with pytest.raises(invoices.NotFound, match=r"^(no|cannot read) .+"):
        invoices.RULES[rule](text)
