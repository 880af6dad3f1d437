"""``knowingly policy check``, ``show``, ``diff`` and ``history``."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from knowingly.cli.codes import Code
from knowingly.cli.options import command, shop_command
from knowingly.cli.output import Output
from knowingly.errors import PluginError, PluginLoadError, PolicyProblem
from knowingly.means import POLICY_FILE
from knowingly.plugins.host import PluginHost
from knowingly.policy import Asked, Policy, PolicyDiff, check_policy, load_policy
from knowingly.policy import diff as differences
from knowingly.policy.checking import Said
from knowingly.policy.fits import Loc
from knowingly.recommend.training.fitting import make_all
from knowingly.shop import Shop

File = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]",
        help="policy.toml in this folder, then the one that ships.",
        show_default=False,
    ),
]


@command
def check(
    output: Output,
    file: File = None,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 on warnings too.")] = False,
) -> None:
    """Say everything that is wrong with a policy file, with its line and what to write instead."""
    found = check_policy(_named(file), _by_plugins)
    for one in found.errors:
        output.say(f"error: {one.place}: {one.message}")
    for one in found.warnings:
        output.say(f"warning: {one.place}: {one.message}")
    if found.policy is not None:
        output.say(f"{found.file} is a policy, with {len(found.warnings)} warnings.")
    output.document(
        {
            "file": found.file,
            "digest": found.policy.digest if found.policy else None,
            "errors": _problems(found.errors),
            "warnings": _problems(found.warnings),
        }
    )
    if found.errors or (strict and found.warnings):
        raise typer.Exit(Code.FAILED)


def _by_plugins(policy: Policy) -> tuple[Said, Said]:
    """Options that an algorithm refuses; and algorithms that no plugin here has."""
    host = PluginHost(allow=policy.plugins.allow)
    wrong: list[tuple[Loc, str]] = []
    odd: list[tuple[Loc, str]] = []
    for name, options in policy.models.algorithms.items():
        place = ("models", "algorithms", name)
        try:
            make_all({name: options}, host.algorithms, host.skipped)
        except PluginLoadError as error:
            # Where it is trained there can be a plugin that is not here.
            odd.append((place, str(error)))
        except PluginError as error:
            wrong.append((place, str(error)))
    return wrong, odd


@command
def show(output: Output, file: File = None) -> None:
    """Show what a policy file says, with the defaults of what it leaves out."""
    policy = load_policy(_named(file))
    controller = policy.controller
    who = (controller.name, controller.contact, controller.address, controller.jurisdiction or "")
    output.say(f"Controller: {', '.join(part for part in who if part)}")
    output.table(
        ("purpose", "basis", "data", "recipients", "kept", "a yes counts", "from age", "notices"),
        [_purpose(policy, name) for name in policy.purposes],
    )
    for name, one in policy.recipients.items():
        output.say(f"Recipient {name}: {one.described}")
    output.table(
        ("notice", "version", "language", "SHA-256 of its words"),
        [(one.id, one.version, one.language, one.digest) for one in policy.notices],
    )
    output.say(
        f"Deletion: within {policy.erasure.delete_within_days} days of a no; evidence of choices "
        f"{policy.evidence.keep_days_after_erasure} days after an erasure."
    )
    output.say(f"Digest: {policy.digest}")
    covering = {name: sorted(policy.covering(name)) for name in policy.purposes}
    document = policy.model_dump(mode="json")
    output.document({"digest": policy.digest, "covering": covering, "policy": document})


@command
def diff(
    output: Output,
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The policy as it was.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The policy as it is to be.")],
) -> None:
    """Say what changes between two policy files, and who must be asked again, for what and why.

    Exits with 0 where nobody must be asked again, and with 5 where somebody must, or where a shop
    with the old policy would not open with the new one.
    """
    found = differences(load_policy(old), load_policy(new))
    _tell_diff(output, found)
    output.document(asdict(found))
    if found.ask or found.refused:
        raise typer.Exit(Code.ASK_AGAIN)


@shop_command
def history(shop: Shop, output: Output) -> None:
    """List the policies that came into force, and for what people were to be asked again."""
    found = shop.audit.policies()
    output.table(
        ("entry", "in force since", "policy", "asked again for"),
        [
            (one.entry, f"{one.at:%Y-%m-%d %H:%M:%S}", one.digest[:16], ", ".join(one.asks))
            for one in found
        ],
    )
    output.document({"policies": [asdict(one) for one in found]})


def _named(file: Path | None) -> Path | None:
    """The file that is meant; None for the shipped policy."""
    return file or (POLICY_FILE if POLICY_FILE.is_file() else None)


def _problems(found: Iterable[PolicyProblem]) -> list[dict[str, Any]]:
    return [one._asdict() for one in found]


def _purpose(policy: Policy, name: str) -> tuple[str, ...]:
    purpose = policy.purposes[name]
    years = {policy.age_to_agree(name, place) for place in policy.age}
    return (
        name if purpose.enabled else f"{name} (off)",
        purpose.basis.replace("_", " "),
        ", ".join(sorted(policy.width(name).data)),
        ", ".join(purpose.recipients) or "nobody",
        f"{purpose.keep_days} days",
        "for ever" if purpose.valid_days is None else f"{purpose.valid_days} days",
        " to ".join(str(one) for one in sorted({min(years), max(years)})),
        ", ".join(sorted(policy.covering(name))) or "none",
    )


def _tell_diff(output: Output, found: PolicyDiff) -> None:
    if not found.changes:
        output.say("Nothing changes.")
        return
    output.say("What changes:")
    for change in found.changes:
        output.say(f"  {change.key} {change.words}")
    for asked in found.ask:
        _tell_asked(output, asked)
    for one in found.inform:
        output.say(
            f"Must be told, of {one.purpose} ({one.title}): everyone whose data it uses on the "
            f"basis of {one.basis.replace('_', ' ')}, because {'; '.join(one.why)}."
        )
    for notice in found.refused:
        output.say(
            f"Will not open: the words of the notice {notice} changed. Give the new words a new "
            "id, and put the old ones back."
        )
    if not found.ask:
        output.say("Nobody must be asked again.")


def _tell_asked(output: Output, asked: Asked) -> None:
    agreed = (
        f"who agreed with {', '.join(asked.notices)}" if asked.notices else "who has not agreed"
    )
    output.say(
        f"Must be asked again, for {asked.purpose} ({asked.title}): everyone {agreed}, because "
        f"{'; '.join(asked.why)}."
    )
    if asked.ask_with:
        output.say(f"  Ask with: {', '.join(asked.ask_with)}")
    else:
        output.say("  No notice covers it as it is now: add one with a new id.")
