"""Loads every YAML file of a folder with the C loader, and does nothing else: `python loading.py FOLDER`."""

import sys
from pathlib import Path

import yaml

for file in sorted(Path(sys.argv[1]).glob("*.yaml")):
    yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)
