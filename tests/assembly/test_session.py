"""What the parts of an opened project share, and what child processes may see of it."""

import asyncio
from pathlib import Path

import pytest

from runner.assembly.run import Wishes
from runner.model.errors import ConfigError
from tests.assembly.place import applied, opened, write

SHOW = (
    "target: {command: {format: text, argv: [sh, -c, env], env: {NAMED: here}}}\nsinks: [{jsonl: {path: out.jsonl}}]\n"
)
SECRETS = "secrets: {hook: {env: HOOK}, gone: {env: GONE}}\nledger: {env: LEDGER}\n"


def test_a_command_sees_no_variable_but_the_usual_and_those_of_its_recipe(tmp_path: Path) -> None:
    write(tmp_path, SHOW, SECRETS, items=1)
    environ = {"PATH": "/usr/bin:/bin", "HOOK": "s3same", "PLAIN": "seen", "LEDGER": ".runner/l.db"}

    async def shown() -> str:
        async with opened(tmp_path, environ) as session:
            await applied(session, Wishes())
        return (tmp_path / "out.jsonl").read_text()

    text = asyncio.run(shown())
    assert ("NAMED=here" in text, "PATH=" in text, "PLAIN" in text) == (True, True, False)
    assert "s3same" not in text
    assert "l.db" not in text


def test_secrets_are_found_by_name(tmp_path: Path) -> None:
    write(tmp_path, project="secrets: {hook: {env: HOOK}, gone: {env: GONE}}\n")

    async def asked() -> None:
        async with opened(tmp_path, {"HOOK": "s3same"}) as session:
            assert session.secret("hook").reveal() == "s3same"
            for name, said in (("gone", "GONE"), ("hok", "no secret 'hok' in")):
                with pytest.raises(ConfigError, match=said):
                    session.secret(name)

    asyncio.run(asked())


def test_a_branch_shares_the_ledger_and_leaves_it_open(tmp_path: Path) -> None:
    write(tmp_path)

    async def branched() -> None:
        async with opened(tmp_path) as session:
            async with session.branch(session.recipes) as branch:
                await applied(branch, Wishes())
            (again,) = await applied(session, Wishes())
            assert again.planned.plan.counts == {"done": 2}
            assert await branch.ledger() is await session.ledger()

    asyncio.run(branched())
