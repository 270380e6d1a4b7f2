"""What `runner serve` costs: `python -m tests.benchmarks.serving`.

Prints the time from the start of the process to its first line, the memory of the idle service, how long a signed
request waits for its answer (it is on disk then) one by one and a thousand at once, and the memory afterwards.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.web.place import ENVIRON, WAIT, asked, signature, write
from tests.web.process import Process, process

STARTS, SINGLE, MANY = 5, 300, 1000


def memory_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


async def send(service: Process, run: str) -> tuple[int, float]:
    """Send a request over a connection of its own; return status and seconds."""
    body = asked(run)
    host, _, port = service.url.removeprefix("http://").rpartition(":")
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /model_run HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Hub-Signature: {signature(body)}\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    answer = await reader.read()
    writer.close()
    return int(answer[9:12]), time.perf_counter() - began


def tell(name: str, text: str) -> None:
    """Print one line."""
    sys.stdout.write(f"{name:<34}{text}\n")


async def starts(folder: Path) -> None:
    """Measure how long it takes until the service listens."""
    taken = []
    for _ in range(STARTS):
        began = time.perf_counter()
        async with process(folder, ENVIRON) as service:
            taken.append(time.perf_counter() - began)
            await service.terminate()
    tell("start to listening", f"{statistics.median(taken):.2f} s (median of {STARTS})")


async def answers(folder: Path) -> None:
    """Measure an idle and a busy service; its one run waits, so that only the taking of orders is seen."""
    async with process(folder, ENVIRON, "--max-runs", "100000") as service:
        await asyncio.sleep(1)
        tell("memory, idle", f"{memory_mib(service.child.pid):.1f} MiB")
        single = sorted([(await send(service, f"one-{number}"))[1] for number in range(SINGLE)])
        p50, p99 = single[len(single) // 2] * 1000, single[len(single) * 99 // 100] * 1000
        tell(f"answer, one by one ({SINGLE})", f"p50 {p50:.1f} ms   p99 {p99:.1f} ms")
        began = time.perf_counter()
        told = await asyncio.gather(*[send(service, f"many-{number}") for number in range(MANY)])
        seconds = time.perf_counter() - began
        good = sum(code == 200 for code, _ in told)
        tell(f"answers, {MANY} at once", f"{good} good in {seconds:.2f} s   slowest {max(s for _, s in told):.2f} s")
        tell("memory, 1,300 runs waiting", f"{memory_mib(service.child.pid):.1f} MiB")
        began = time.perf_counter()
        await service.terminate()
        tell("SIGTERM to the end", f"{time.perf_counter() - began:.2f} s, a training was running")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, WAIT)
        asyncio.run(starts(folder))
        asyncio.run(answers(folder))


if __name__ == "__main__":
    main()
