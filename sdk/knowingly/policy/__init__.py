"""The policy file, the purposes it declares, and ``decide``: pure but for reading the file."""

from knowingly.policy.decide import REASONS, decide
from knowingly.policy.file import default_policy_text, load_policy, parse_policy
from knowingly.policy.model import Notice, Policy, Purpose, Slot

__all__ = [
    "REASONS",
    "Notice",
    "Policy",
    "Purpose",
    "Slot",
    "decide",
    "default_policy_text",
    "load_policy",
    "parse_policy",
]
