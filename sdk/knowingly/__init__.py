"""Personalization that asks first."""

from knowingly.consent.choice import Choice
from knowingly.consent.token import Explanation
from knowingly.domain.consent import Action, Decision, Receipt, Signal
from knowingly.domain.event import Event, EventKind
from knowingly.domain.intake import Intake, Refusal
from knowingly.domain.item import Item, Variant
from knowingly.domain.order import Order, OrderLine
from knowingly.domain.page import Basis, Hit, Page
from knowingly.errors import (
    BudgetExhaustedError,
    ConsentError,
    ContractError,
    FileError,
    InputError,
    InternalError,
    KnowinglyError,
    LedgerError,
    MissingExtraError,
    NotFittedError,
    PluginError,
    PluginLoadError,
    PolicyError,
    RootKeyError,
    SealError,
    StoreError,
    TamperedError,
    UnknownItemError,
    UnknownSlotError,
    UnknownSubjectError,
)
from knowingly.evaluate.runner import Evaluation
from knowingly.governance.aggregates import BudgetReport, Release
from knowingly.governance.certificate import Certificate
from knowingly.governance.upkeep import Maintained
from knowingly.hookspecs import hookimpl
from knowingly.ledger.log import Entry
from knowingly.ledger.verify import VerifiedLog
from knowingly.policy import Policy, default_policy_text, load_policy
from knowingly.profiles.views import PastEvent, Profile
from knowingly.recommend.block import Block, FitData
from knowingly.recommend.counts import Counts
from knowingly.recommend.desk import Comparison, ModelCard
from knowingly.recommend.interface import Algorithm, CountingAlgorithm, Model
from knowingly.recommend.models import ItemNeighbours, ItemScores
from knowingly.recommend.query import History, Query
from knowingly.recommend.training import Trained
from knowingly.shop import Shop
from knowingly.shop import open_shop as open  # noqa: A004 - knowingly.open, as gzip.open
from knowingly.vault.root import write_root_key

__all__ = [
    "Action",
    "Algorithm",
    "Basis",
    "Block",
    "BudgetExhaustedError",
    "BudgetReport",
    "Certificate",
    "Choice",
    "Comparison",
    "ConsentError",
    "ContractError",
    "CountingAlgorithm",
    "Counts",
    "Decision",
    "Entry",
    "Evaluation",
    "Event",
    "EventKind",
    "Explanation",
    "FileError",
    "FitData",
    "History",
    "Hit",
    "InputError",
    "Intake",
    "InternalError",
    "Item",
    "ItemNeighbours",
    "ItemScores",
    "KnowinglyError",
    "LedgerError",
    "Maintained",
    "MissingExtraError",
    "Model",
    "ModelCard",
    "NotFittedError",
    "Order",
    "OrderLine",
    "Page",
    "PastEvent",
    "PluginError",
    "PluginLoadError",
    "Policy",
    "PolicyError",
    "Profile",
    "Query",
    "Receipt",
    "Refusal",
    "Release",
    "RootKeyError",
    "SealError",
    "Shop",
    "Signal",
    "StoreError",
    "TamperedError",
    "Trained",
    "UnknownItemError",
    "UnknownSlotError",
    "UnknownSubjectError",
    "Variant",
    "VerifiedLog",
    "default_policy_text",
    "hookimpl",
    "load_policy",
    "open",
    "write_root_key",
]
