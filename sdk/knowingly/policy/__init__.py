"""The policy file, the purposes it declares, and ``decide``: pure but for reading files."""

from knowingly.policy.checking import PolicyCheck, check_policy
from knowingly.policy.crosswalk import crosswalk
from knowingly.policy.data import DataField
from knowingly.policy.decide import EVERY_PURPOSE, decide, standing_no
from knowingly.policy.diff import Asked, Informed, PolicyDiff, diff
from knowingly.policy.file import default_policy_text, load_policy, parse_policy
from knowingly.policy.model import Policy
from knowingly.policy.notices import Notice
from knowingly.policy.purposes import Purpose
from knowingly.policy.reasons import REASONS
from knowingly.policy.recall import changed_words, recall
from knowingly.policy.signals import normalise
from knowingly.policy.slots import Blend, Boost, Pin, Slot
from knowingly.policy.status import status_of

__all__ = [
    "EVERY_PURPOSE",
    "REASONS",
    "Asked",
    "Blend",
    "Boost",
    "DataField",
    "Informed",
    "Notice",
    "Pin",
    "Policy",
    "PolicyCheck",
    "PolicyDiff",
    "Purpose",
    "Slot",
    "changed_words",
    "check_policy",
    "crosswalk",
    "decide",
    "default_policy_text",
    "diff",
    "load_policy",
    "normalise",
    "parse_policy",
    "recall",
    "standing_no",
    "status_of",
]
