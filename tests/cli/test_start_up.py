"""What must start fast imports nothing heavy."""

import subprocess
import sys
from pathlib import Path

import pytest

RECIPE = Path(__file__).parents[2] / "recipes/invoices.yaml"
PROBE = """
import sys
from runner.cli.main import run
code = run(sys.argv[1:])
slow = {"httpx", "httptools", "httpcore", "starlette", "uvicorn", "sqlite3", "asyncio", "jsonschema"}
heavy = slow & set(sys.modules)
sys.exit(f"{code} {sorted(heavy)}" if code or heavy else 0)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    done = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_validate_imports_neither_the_http_client_nor_the_web_parts():
    probe = PROBE.replace('"sqlite3", "asyncio", "jsonschema"', '"aiohttp"')
    done = subprocess.run(
        [sys.executable, "-c", probe, "validate", "-f", str(RECIPE)], capture_output=True, text=True, check=False
    )
    assert (done.stderr, "1 recipe is valid" in done.stdout) == ("", True)
