import runpy
from pathlib import Path

import pypdf
import pytest

DATA = Path(__file__).resolve().parents[1] / "recipes" / "data"
FOLDER = DATA / "invoices" / "2026-08"
MADE = dict(runpy.run_path(str(DATA / "make_invoices.py"))["files"]())


def test_the_invoices_are_what_the_script_makes():
    found = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}
    assert found == MADE
    assert len(found) == 20


@pytest.mark.parametrize("name", [name for name in MADE if name.endswith(".pdf")])
def test_every_pdf_is_read_without_a_warning(name):
    pages = [page.extract_text().splitlines() for page in pypdf.PdfReader(FOLDER / name, strict=True).pages]
    assert len(pages) == (2 if "two" in name else 1)
    for lines in pages:
        assert lines[2] == "INVOICE"
        assert lines[3].startswith("Invoice Number: INV-2026-08")
        assert lines[-2].startswith("Total Amount: ")


def test_one_total_cannot_be_read():
    texts = [content.decode() for name, content in MADE.items() if name.endswith(".txt")]
    assert sum("Total Amount: as agreed" in text for text in texts) == 1
