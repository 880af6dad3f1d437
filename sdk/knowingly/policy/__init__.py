"""The policy file, the purposes it declares, and ``decide``: pure but for reading the file."""

from knowingly.policy.data import DataField
from knowingly.policy.decide import EVERY_PURPOSE, REASONS, decide, standing_no
from knowingly.policy.file import default_policy_text, load_policy, parse_policy
from knowingly.policy.model import Notice, Policy, Purpose, Slot
from knowingly.policy.status import status_of

__all__ = [
    "EVERY_PURPOSE",
    "REASONS",
    "DataField",
    "Notice",
    "Policy",
    "Purpose",
    "Slot",
    "decide",
    "default_policy_text",
    "load_policy",
    "parse_policy",
    "standing_no",
    "status_of",
]
