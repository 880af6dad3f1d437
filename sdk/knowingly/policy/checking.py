"""``knowingly policy check``: everything that is wrong with a policy file, or worth a warning."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from knowingly.errors import PolicyError, PolicyProblem
from knowingly.policy.advice import advice
from knowingly.policy.file import default_policy_text, parse_policy, placed, read_policy_text
from knowingly.policy.fits import Loc
from knowingly.policy.model import Policy

Said = Iterable[tuple[Loc, str]]
"""What is said of a policy, each with its place in the file."""
Judge = Callable[[Policy], tuple[Said, Said]]


@dataclass(frozen=True, slots=True)
class PolicyCheck:
    """What was found in a policy file; ``policy`` is None where there are errors.

    Values are judged one by one, and how they fit together only when each is right.
    """

    file: str
    policy: Policy | None
    errors: tuple[PolicyProblem, ...] = ()
    warnings: tuple[PolicyProblem, ...] = ()


def check_policy(source: Path | None, judge: Judge = lambda _: ((), ())) -> PolicyCheck:
    """Check a policy file, or the shipped one where none is named.

    Args:
        source: The file.
        judge: Says of a policy without errors what else is wrong with it, and what is odd, by
            whoever knows the plugins.
    """
    name = "default.toml" if source is None else source.name
    try:
        text = default_policy_text() if source is None else read_policy_text(source)
        policy = parse_policy(text, name, None if source is None else source.parent)
    except PolicyError as error:
        whole = PolicyProblem(name, 1, "", str(error).removeprefix(f"{error.path}: "))
        return PolicyCheck(name, None, error.problems or (whole,))
    wrong, odd = judge(policy)
    errors = placed(wrong, text, name)
    warnings = placed([*advice(policy), *odd], text, name)
    return PolicyCheck(name, None if errors else policy, errors, warnings)
