"""The commands, put together."""

from importlib.metadata import version
from typing import Annotated

import typer

from knowingly.cli import (
    audit,
    backup,
    consent,
    db,
    evaluate,
    holds,
    keys,
    learn,
    load,
    look,
    merging,
    models,
    pages,
    policy,
    questions,
    receipts,
    retention,
    rights,
    start,
)
from knowingly.cli.codes import MEANINGS
from knowingly.cli.options import SETTINGS, Command

EPILOG = "Exit codes: " + "; ".join(f"{code:d} {words}" for code, words in MEANINGS.items()) + "."

COMMANDS: dict[str, Command] = {
    "init": start.init,
    "demo": start.demo,
    "import": load.import_files,
    "train": learn.train,
    "evaluate": evaluate.evaluate,
    "maintain": learn.maintain,
    "recommend": pages.recommend,
    "explain": pages.explain,
    "slots": pages.slots,
    "stats": look.stats,
    "export": rights.export,
    "erase": rights.erase,
    "claims": rights.claims,
    "merge": merging.merge,
    "plugins": look.plugins,
}
AUDIT_COMMANDS: dict[str, Command] = {
    "verify": audit.verify,
    "entries": audit.entries,
    "key": audit.key,
    "keys": audit.keys,
    "checkpoint": audit.checkpoint,
    "prove": audit.prove,
    "export": audit.export,
    "search": questions.search,
    "seen": questions.seen,
    "choices": questions.choices,
    "expiring": questions.expiring,
    "latency": questions.latency,
    "unfounded": questions.unfounded,
}
CONSENT_COMMANDS: dict[str, Command] = {
    "status": consent.status,
    "grant": consent.grant,
    "refuse": consent.refuse,
    "withdraw": consent.withdraw,
    "object": consent.object_,
    "explain": consent.explain,
    "log": consent.log,
    "receipt": receipts.receipt,
}
KEYS_COMMANDS: dict[str, Command] = {
    "status": keys.status,
    "rotate": keys.rotate,
    "destroyed": keys.destroyed,
    "reseal": keys.reseal,
}
HOLD_COMMANDS: dict[str, Command] = {
    "place": holds.place,
    "lift": holds.lift,
    "list": holds.list_holds,
}
MODELS_COMMANDS: dict[str, Command] = {
    "list": models.list_versions,
    "show": models.show,
    "rollback": models.rollback,
    "prune": models.prune,
    "save": models.save,
}
RESTRICT_COMMANDS: dict[str, Command] = {"on": holds.restrict_on, "off": holds.restrict_off}
RETENTION_COMMANDS: dict[str, Command] = {"run": retention.run}
DB_COMMANDS: dict[str, Command] = {"upgrade": db.upgrade, "status": db.status, "move": db.move}
BACKUP_COMMANDS: dict[str, Command] = {
    "create": backup.create,
    "verify": backup.verify,
    "restore": backup.restore,
    "drill": backup.drill,
}
POLICY_COMMANDS: dict[str, Command] = {
    "check": policy.check,
    "show": policy.show,
    "diff": policy.diff,
    "history": policy.history,
}
GROUPS = {
    "audit": ("The log: verify it, hand out evidence of it, ask it.", AUDIT_COMMANDS),
    "backup": ("Copies of the data and of the keys, each apart.", BACKUP_COMMANDS),
    "consent": ("What a person chose, why that allows what it does, receipts.", CONSENT_COMMANDS),
    "db": ("The databases: their versions, upgrading, moving.", DB_COMMANDS),
    "hold": ("Legal holds: what must not be deleted.", HOLD_COMMANDS),
    "keys": ("The keys: which there are, and new ones.", KEYS_COMMANDS),
    "models": ("Trained models: versions, cards, going back, copies in files.", MODELS_COMMANDS),
    "policy": ("The policy file: check it, read it, what a change means.", POLICY_COMMANDS),
    "restrict": ("Restriction: data that is kept and not used.", RESTRICT_COMMANDS),
    "retention": ("Retention: what is past its time.", RETENTION_COMMANDS),
}


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"knowingly {version('knowingly')}")
        raise typer.Exit


def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Say which it is."),
    ] = False,
) -> None:
    """Personalization that asks first."""


def make_app() -> typer.Typer:
    """The whole command line."""
    # An unexpected error's local variables would put personal values into a terminal or a log.
    app = typer.Typer(
        name="knowingly",
        epilog=EPILOG,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_show_locals=False,
    )
    app.callback()(_root)
    for name, function in COMMANDS.items():
        app.command(name, context_settings=SETTINGS)(function)
    for group, (words, commands) in GROUPS.items():
        own = typer.Typer(no_args_is_help=True, help=words)
        # A callback keeps typer from making the one command there is the whole group.
        own.callback()(lambda: None)
        for name, function in commands.items():
            own.command(name, context_settings=SETTINGS)(function)
        app.add_typer(own, name=group)
    return app


app = make_app()


def main() -> None:
    """Run the command line."""
    app(prog_name="knowingly")
