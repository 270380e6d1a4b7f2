"""Stand-ins of the platforms on loopback: small ASGI apps that do real work on the input.

An *emulator* answers as the platform does on the wire. Its *knobs* are its switches (latency, faults, page sizes),
changed while it runs by `POST /_emulator/knobs`; its *stats* are what it was asked, read by `GET /_emulator/stats`.
"""
