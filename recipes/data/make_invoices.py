"""Make the example invoices: `python recipes/data/make_invoices.py [FOLDER]`; always the same bytes.

Every invoice is text in this layout, in a text file as it stands, in a PDF as one page of one line each:

    Northwind Paper GmbH                          vendor: the first line
    Hauptstrasse 14, 10115 Berlin                 address
    INVOICE
    Invoice Number: INV-2026-0801
    Invoice Date: 2026-08-03
    Bill To: Example Works Ltd
    Description | Quantity | Unit Price | Amount
    Copy paper A4, box | 12 | 21.50 | 258.00      line items
    Subtotal: EUR 1,044.35
    VAT 19 %: EUR 198.43
    Total Amount: EUR 1,242.78                    thousands with a comma, two decimals
    Payment due within 30 days

Odd ones on purpose: a text invoice whose total cannot be read, a PDF with two invoices on two pages, names with blanks
and letters beyond ASCII, invoices in USD, GBP, CHF and SEK. Standard library only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

CENT: Final = Decimal("0.01")
UNREADABLE: Final = "as agreed by telephone"


@dataclass(frozen=True)
class Invoice:
    """One invoice; the rest of its text follows from this."""

    number: int
    day: int
    vendor: str
    address: str
    currency: str
    vat: int
    items: tuple[tuple[str, int, str], ...]
    is_readable: bool = True

    def lines(self) -> Iterator[str]:
        """Give the text, line by line."""
        net = sum((Decimal(price) * quantity for _, quantity, price in self.items), Decimal(0))
        vat = (net * self.vat / 100).quantize(CENT)
        yield self.vendor
        yield self.address
        yield "INVOICE"
        yield f"Invoice Number: INV-2026-{self.number:04d}"
        yield f"Invoice Date: 2026-08-{self.day:02d}"
        yield "Bill To: Example Works Ltd"
        yield "Description | Quantity | Unit Price | Amount"
        for description, quantity, price in self.items:
            yield f"{description} | {quantity} | {price} | {Decimal(price) * quantity:,.2f}"
        yield f"Subtotal: {self.currency} {net:,.2f}"
        yield f"VAT {self.vat} %: {self.currency} {vat:,.2f}"
        yield f"Total Amount: {f'{self.currency} {net + vat:,.2f}' if self.is_readable else UNREADABLE}"
        yield "Payment due within 30 days"


PAPER = ("Northwind Paper GmbH", "Hauptstrasse 14, 10115 Berlin", "EUR", 19)
OFFICE = ("Büro Müller & Söhne KG", "Mozartstraße 9, 80336 München", "EUR", 19)
CLOUD = ("Harbor Cloud Hosting Inc", "500 Market Street, San Francisco CA 94105", "USD", 0)
TOOLS = ("Alder & Finch Tools Ltd", "12 Mill Lane, Leeds LS1 4DX", "GBP", 20)
CLOCKS = ("Atelier Grünig AG", "Rue du Lac 3, 2502 Biel", "CHF", 8)
FREIGHT = ("Nordsjö Frakt AB", "Hamngatan 22, 411 06 Göteborg", "SEK", 25)
CAFE = ("Café Zoë S.à r.l.", "7 Place d'Armes, 1136 Luxembourg", "EUR", 17)

INVOICES: Final[dict[str, tuple[Invoice, ...]]] = {
    "paper/northwind 0801.pdf": (
        Invoice(801, 3, *PAPER, (("Copy paper A4, box", 12, "21.50"), ("Toner", 4, "89.90"), ("Binders", 75, "5.69"))),
    ),
    "paper/northwind 0802.pdf": (Invoice(802, 4, *PAPER, (("Envelopes C5", 1000, "0.08"), ("Labels", 20, "6.15"))),),
    "paper/northwind 0803.txt": (Invoice(803, 5, *PAPER, (("Copy paper A3, box", 6, "38.20"),)),),
    "paper/büro müller 0804.pdf": (Invoice(804, 5, *OFFICE, (("Desk, oak", 3, "649.00"), ("Lamp", 3, "84.50"))),),
    "paper/büro müller 0805.pdf": (Invoice(805, 6, *OFFICE, (("Office chair", 14, "312.40"),)),),
    "paper/büro müller 0806.txt": (Invoice(806, 7, *OFFICE, (("Whiteboard 180 x 90", 2, "219.95"),)),),
    "paper/Angebot & Rechnung (Kopie).pdf": (Invoice(807, 7, *OFFICE, (("Shelf", 9, "129.00"),)),),
    "paper/two on one.pdf": (
        Invoice(808, 10, *PAPER, (("Copy paper A4, box", 40, "20.90"),)),
        Invoice(809, 10, *PAPER, (("Copy paper A4, box, returned pallet fee", 1, "15.00"),)),
    ),
    "services/harbor-cloud-august.pdf": (
        Invoice(810, 11, *CLOUD, (("Virtual machine, hours", 2976, "0.42"), ("Storage, GB", 5120, "0.021"))),
    ),
    "services/harbor-cloud-support.pdf": (Invoice(811, 11, *CLOUD, (("Support plan", 1, "1250.00"),)),),
    "services/harbor-cloud-credit.txt": (Invoice(812, 12, *CLOUD, (("Traffic, GB", 880, "0.05"),)),),
    "services/alder+finch #12.pdf": (Invoice(813, 13, *TOOLS, (("Drill", 5, "148.75"), ("Drill bits", 10, "22.40"))),),
    "services/alder+finch #13.pdf": (Invoice(814, 14, *TOOLS, (("Torque wrench", 2, "96.30"),)),),
    "services/alder+finch #14.txt": (Invoice(815, 17, *TOOLS, (("Repair of a lathe", 1, "2310.00"),)),),
    "services/Grünig Wartung.pdf": (Invoice(816, 18, *CLOCKS, (("Maintenance of 11 clocks", 11, "145.00"),)),),
    "services/Grünig Ersatzteile.pdf": (Invoice(817, 19, *CLOCKS, (("Movement 7750", 2, "412.60"),)),),
    "services/nordsjö_frakt_0818.pdf": (Invoice(818, 20, *FREIGHT, (("Pallet Göteborg - Berlin", 6, "1890.00"),)),),
    "services/nordsjö_frakt_0819.txt": (Invoice(819, 21, *FREIGHT, (("Parcel", 34, "79.50"),)),),
    "services/café zoë.pdf": (Invoice(820, 24, *CAFE, (("Catering, persons", 45, "28.90"),)),),
    "services/café zoë, reçu illisible.txt": (
        Invoice(821, 25, *CAFE, (("Catering, persons", 12, "28.90"),), is_readable=False),
    ),
}


def pdf(pages: Sequence[Sequence[str]]) -> bytes:
    """Return a PDF 1.4 of some pages of lines, in Helvetica and WinAnsi, with its table of objects."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, lines in enumerate(pages):
        text = b"".join(b"(%s) Tj T*\n" % _escaped(line) for line in lines)
        stream = b"BT\n/F1 11 Tf\n16 TL\n72 770 Td\n" + text + b"ET\n"
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            b"/Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % (5 + 2 * number)
        )
        objects.append(b"<< /Length %d >>\nstream\n%sendstream" % (len(stream), stream))
    return _numbered(objects)


def _escaped(line: str) -> bytes:
    return line.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _numbered(objects: Sequence[bytes]) -> bytes:
    whole = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(whole))
        whole += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    end = b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return bytes(whole) + end % (size, table, size, len(whole))


def files() -> Iterator[tuple[str, bytes]]:
    """Give (name below the folder, bytes) of every file."""
    for name, invoices in INVOICES.items():
        pages = [list(invoice.lines()) for invoice in invoices]
        is_text = name.endswith(".txt")
        yield name, "".join(f"{line}\n" for line in pages[0]).encode() if is_text else pdf(pages)


def main() -> None:
    """Write all files below the folder of the first argument, or beside this script."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "invoices" / "2026-08"
    for name, content in files():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    print(f"{len(INVOICES)} files written")


if __name__ == "__main__":
    main()
