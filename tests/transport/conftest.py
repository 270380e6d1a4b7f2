"""What several tests of the transport need."""

import shutil
import subprocess

import pytest


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A folder with cert.pem and key.pem of localhost."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl")
    folder = tmp_path_factory.mktemp("authority")
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run([*words, "-days", "2", *name], cwd=folder, check=True, capture_output=True)
    return folder
