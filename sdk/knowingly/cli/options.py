"""The options that commands share, and the two ways of making a command."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from knowingly.cli.failing import guarded
from knowingly.cli.output import Output
from knowingly.governance.auditor import open_auditor
from knowingly.means import open_shop
from knowingly.shop import Shop

SETTINGS = {"allow_extra_args": True}
"""For ``typer``: extra arguments are counted by us, because its own message repeats them."""

Command = Callable[..., None]

ShopUrl = Annotated[
    str,
    typer.Option("--shop", metavar="URL", envvar="KNOWINGLY_SHOP", help="The shop's data."),
]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", help="The policy; policy.toml here if there is one."),
]
Keys = Annotated[
    str | None,
    typer.Option(
        "--keys",
        metavar="FILE|env:NAME|SCHEME://…",
        help="The root key; KNOWINGLY_ROOT_KEY, then knowingly.key, when left out.",
    ),
]
KeyStore = Annotated[
    str | None,
    typer.Option(
        "--key-store",
        metavar="URL",
        envvar="KNOWINGLY_KEY_STORE",
        help="Where people's keys live; beside the data when left out.",
    ),
]
Tenant = Annotated[str, typer.Option("--tenant", metavar="NAME", help="The merchant.")]
ActingAs = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="NAME",
        envvar="KNOWINGLY_AS",
        help='Who you are, for the log; it is sealed. "staff", and nobody, when left out.',
    ),
]
AsAuditor = Annotated[
    bool,
    typer.Option("--auditor", help="Without any key, from the data alone; nothing is written."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def command(function: Command) -> Command:
    """A command without a shop: called with its ``Output`` and its own options."""

    def run(ctx: typer.Context, *, as_json: bool, **own: Any) -> None:  # noqa: ANN401 - typer gives what the signature names
        refuse_extra(ctx)
        output = Output(as_json)
        with guarded(output):
            function(output, **own)

    return _wear(run, function, given=1, common=[_option("as_json", AsJson, default=False)])


def shop_command(function: Command) -> Command:
    """A command in a shop: called with it, with its ``Output`` and with its own options."""

    def run(
        ctx: typer.Context,
        *,
        shop_url: str,
        policy: Path | None,
        keys: str | None,
        key_store: str | None,
        tenant: str,
        acting_as: str | None,
        as_json: bool,
        **own: Any,  # noqa: ANN401 - typer gives what the signature names
    ) -> None:
        refuse_extra(ctx)
        output = Output(as_json)
        with guarded(output), _opened(shop_url, policy, keys, key_store, tenant) as shop:
            function(shop if acting_as is None else shop.acting_as(acting_as), output, **own)

    common = [
        _option("shop_url", ShopUrl, default="sqlite:///shop.db"),
        _option("policy", PolicyFile, default=None),
        _option("keys", Keys, default=None),
        _option("key_store", KeyStore, default=None),
        _option("tenant", Tenant, default="default"),
        _option("acting_as", ActingAs, default=None),
        _option("as_json", AsJson, default=False),
    ]
    return _wear(run, function, given=2, common=common)


def log_command(function: Command) -> Command:
    """A command that reads the log: called with the shop's ``Audit``, or without any key."""

    def run(
        ctx: typer.Context,
        *,
        auditor: bool,
        shop_url: str,
        policy: Path | None,
        keys: str | None,
        key_store: str | None,
        tenant: str,
        acting_as: str | None,
        as_json: bool,
        **own: Any,  # noqa: ANN401 - typer gives what the signature names
    ) -> None:
        refuse_extra(ctx)
        output = Output(as_json)
        with guarded(output):
            if auditor:
                with open_auditor(shop_url, tenant=tenant) as reader:
                    function(reader, output, **own)
            else:
                with _opened(shop_url, policy, keys, key_store, tenant) as shop:
                    acting = shop if acting_as is None else shop.acting_as(acting_as)
                    function(acting.audit, output, **own)

    common = [
        _option("auditor", AsAuditor, default=False),
        _option("shop_url", ShopUrl, default="sqlite:///shop.db"),
        _option("policy", PolicyFile, default=None),
        _option("keys", Keys, default=None),
        _option("key_store", KeyStore, default=None),
        _option("tenant", Tenant, default="default"),
        _option("acting_as", ActingAs, default=None),
        _option("as_json", AsJson, default=False),
    ]
    return _wear(run, function, given=2, common=common)


def refuse_extra(ctx: typer.Context) -> None:
    """Refuse arguments nobody asked for, without repeating them: one may be a person's id.

    Raises:
        typer.BadParameter: There are some.
    """
    if ctx.args:
        raise typer.BadParameter(f"too many arguments, by {len(ctx.args)}")


def _opened(
    url: str, policy: Path | None, keys: str | None, key_store: str | None, tenant: str
) -> Shop:
    return open_shop(url, policy=policy, keys=keys, key_store=key_store, tenant=tenant)


def _option(name: str, kind: object, *, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _wear(
    run: Command, function: Command, *, given: int, common: list[inspect.Parameter]
) -> Command:
    """Give ``run`` the name, the help and the options of ``function``, and the common options.

    Typer reads a command's options from its signature: written out, the seven common ones would
    stand in every command.
    """
    ctx = inspect.Parameter(
        "ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
    )
    own = list(inspect.signature(function, eval_str=True).parameters.values())[given:]
    options = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__annotations__ = {}
    run.__signature__ = inspect.Signature([ctx, *options, *common])  # type: ignore[attr-defined]
    return run
