"""``knowingly policy check``: everything that is wrong with a policy file, or worth a warning."""

from dataclasses import dataclass
from pathlib import Path

from knowingly.errors import PolicyError, PolicyProblem
from knowingly.policy.advice import advice
from knowingly.policy.file import default_policy_text, parse_policy, placed, read_policy_text
from knowingly.policy.model import Policy


@dataclass(frozen=True, slots=True)
class PolicyCheck:
    """What was found in a policy file; ``policy`` is None where there are errors.

    Values are judged one by one, and how they fit together only when each is right.
    """

    file: str
    policy: Policy | None
    errors: tuple[PolicyProblem, ...] = ()
    warnings: tuple[PolicyProblem, ...] = ()


def check_policy(source: Path | None) -> PolicyCheck:
    """Check a policy file, or the shipped one where none is named."""
    name = "default.toml" if source is None else source.name
    try:
        text = default_policy_text() if source is None else read_policy_text(source)
        policy = parse_policy(text, name, None if source is None else source.parent)
    except PolicyError as error:
        whole = PolicyProblem(name, 1, "", str(error).removeprefix(f"{error.path}: "))
        return PolicyCheck(name, None, error.problems or (whole,))
    return PolicyCheck(name, policy, warnings=placed(advice(policy), text, name))
