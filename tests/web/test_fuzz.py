"""Schemathesis makes up requests from the service's own OpenAPI document: no answer is a 5xx, or not as documented.

It is a program of its own (`pipx install schemathesis`), because its plugin would come between pytest and all tests.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.web.place import ENVIRON, SECRET, write
from tests.web.process import ROOT

pytestmark = pytest.mark.fuzz

TRIGGERS = """\
  - labelbox.model_run: {model_type: "0"}
  - webhook: {path: /hooks/go, secret: shop}
  - webhook: {path: /hooks/delivery, secret: shop, delivery: id}"""


@pytest.mark.parametrize("options", [[], ["--api-token", "api"]])
def test_the_service_keeps_to_its_document(tmp_path: Path, options: list[str]) -> None:
    program = shutil.which("schemathesis")
    if program is None:
        pytest.skip("there is no program schemathesis on the path")
    write(tmp_path, "cat", TRIGGERS)
    # So many runs that none is turned away: a 503 would be right, and schemathesis counts it as a failure.
    serve = [sys.executable, "-m", "runner", "serve", "-f", str(tmp_path), "--port", "0", "--max-runs=9999", *options]
    with subprocess.Popen(serve, cwd=ROOT, env=ENVIRON, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        url = service.stdout.readline().removeprefix("listening on ").strip()
        asked = [program, "run", f"{url}/api/openapi.json", "-H", "Authorization: Bearer s3same", "--workers", "1"]
        hooks = {"SCHEMATHESIS_HOOKS": "fuzz_hooks", "PYTHONPATH": str(Path(__file__).parent)}
        environ = {**os.environ, **hooks, "SECRET": SECRET}
        told = subprocess.run(
            [*asked, "--max-examples", "100"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )
        service.terminate()
    assert told.returncode == 0, told.stdout[-5000:]
    assert service.returncode == 0
