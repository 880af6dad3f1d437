"""The page about the command line leaves nothing out."""

from pathlib import Path

import pytest
import typer

from knowingly.cli.app import app
from knowingly.cli.codes import MEANINGS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "command-line.md"


PROGRAMS = {"knowingly-verify"}
"""Sections about a program of its own."""


def sections() -> dict[str, str]:
    """The text about each command: a heading such as ``hold place, lift`` stands for both."""
    found = {}
    for part in PAGE.read_text(encoding="utf-8").split("\n## "):
        heading = part.partition("\n")[0]
        group, _, first = heading.partition(" ")
        if heading[0].islower() and "," in first:
            names = (name.removeprefix(f"{group} ") for name in first.split(", "))
            found |= {f"{group} {name}": part for name in names}
        else:
            found[heading] = part
    return found


def commands() -> dict[str, object]:
    """Every command by its words, those of groups too."""
    found: dict[str, object] = {}
    for name, command in typer.main.get_command(app).commands.items():
        inner = getattr(command, "commands", None)
        found |= {f"{name} {key}": one for key, one in inner.items()} if inner else {name: command}
    return found


@pytest.mark.parametrize("name", commands())
def test_every_command_and_option_is_described(name):
    """Each command has a section with an example; each option is there or among the shared ones."""
    text = sections()
    assert "```sh\n" in text[name]
    assert f"\nknowingly {name}" in text[name]
    described = text[name] + text["Options that commands share"] + text["Forms of output"]
    for parameter in commands()[name].params:
        for option in parameter.opts if parameter.param_type_name == "option" else []:
            assert option in described, option


def test_the_page_has_no_command_that_does_not_exist():
    for name in sections():
        if name[0].islower():
            assert name in commands().keys() | PROGRAMS


def test_every_exit_code_is_in_the_table():
    codes = sections()["Exit codes"]
    for code, words in MEANINGS.items():
        assert f"| {code:d} | {words} |" in codes


def test_the_options_of_the_program_itself_are_there():
    text = PAGE.read_text(encoding="utf-8")
    for parameter in typer.main.get_command(app).params:
        assert all(option in text for option in parameter.opts)
