"""A new project runs at once."""

from tests.cli.shell import Shell


def test_a_new_project_is_valid_and_runs(shell: Shell, monkeypatch):
    assert shell("init", "shop").code == 0
    monkeypatch.chdir(shell.folder / "shop")
    assert shell("validate").code == 0
    assert "1 case passed" in shell("test").out
    assert shell("apply").code == 0
    assert shell.lines("shop/out/hello.csv")[1] == "t1,WHERE IS MY PARCEL?"
    assert "nothing to do" in shell("apply").out


def test_init_changes_nothing_that_exists(shell: Shell):
    shell.write("runner.yaml", "mine")
    assert shell("init").code == 2
    assert shell.read("runner.yaml") == "mine"
    assert not (shell.folder / "recipes").exists()


def test_the_next_command_can_be_pasted(shell: Shell):
    assert "next: cd 'a b/shop' && runner apply" in shell("init", "a b/shop").out
