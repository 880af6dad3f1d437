"""Personalization that asks first."""

from knowingly.activation import Activation
from knowingly.consent.choice import Choice
from knowingly.consent.explaining import Explanation
from knowingly.consent.receipts import receipt_schema
from knowingly.consent.signals.decoder import SignalDecoder
from knowingly.consent.signals.gpc import GpcSupport
from knowingly.domain.bits import Bits
from knowingly.domain.consent import Action, ConsentStatus, Decision, Receipt
from knowingly.domain.event import Event, EventKind
from knowingly.domain.intake import Intake, Refusal
from knowingly.domain.item import Item, Variant
from knowingly.domain.merged import Merged
from knowingly.domain.notification import Destination, Notification
from knowingly.domain.order import Order, OrderLine
from knowingly.domain.page import Basis, Hit, Page, PageRef
from knowingly.domain.signal import Said, Signal, SignalContext
from knowingly.errors import (
    BudgetExhaustedError,
    ConsentError,
    ContractError,
    DamagedBackupError,
    FileError,
    HoldError,
    InputError,
    InternalError,
    KnowinglyError,
    LedgerError,
    MissingExtraError,
    NotFittedError,
    PluginError,
    PluginLoadError,
    PolicyError,
    PolicyProblem,
    RootKeyError,
    SealError,
    SignalError,
    StoreError,
    TamperedError,
    UnknownItemError,
    UnknownSlotError,
    UnknownSubjectError,
)
from knowingly.evaluate.results import (
    ConsentShare,
    Evaluation,
    Figure,
    HistoryBucket,
    PairedTest,
    PopularityBucket,
    Score,
)
from knowingly.governance.aggregates import BudgetReport, Release
from knowingly.governance.auditing.counting import ChoiceCount, Seen
from knowingly.governance.auditing.expiring import Expiring
from knowingly.governance.auditing.handed_out import Consistency
from knowingly.governance.auditing.latency import Latency
from knowingly.governance.auditing.unfounded import Unfounded
from knowingly.governance.auditor import Auditor, ChoicesOfDay, open_auditor
from knowingly.governance.certificate import Addendum, Certificate
from knowingly.governance.claims import ClaimsEvidence, KeptChoice
from knowingly.governance.holds import Hold
from knowingly.governance.keys import KeyStatus, RootVersion
from knowingly.governance.recipients import Disclosure
from knowingly.governance.reseal import Resealed
from knowingly.governance.retention.tally import Retained
from knowingly.governance.rotation import Rotated
from knowingly.governance.signing_key import SigningRotated
from knowingly.governance.upkeep import Maintained
from knowingly.hookspecs import hookimpl
from knowingly.importing.report import ImportReport
from knowingly.items.table import ItemTable
from knowingly.ledger.checkpoints import Checkpoint
from knowingly.ledger.log import Entry
from knowingly.ledger.opened import OpenedEntry
from knowingly.ledger.verify import VerifiedLog
from knowingly.means import open_shop as open  # noqa: A004 - knowingly.open, as gzip.open
from knowingly.policy import DataField, Policy, default_policy_text, load_policy
from knowingly.profiles.traits import Trait
from knowingly.profiles.views import PastEvent, Profile
from knowingly.recommend.describing import DescribingAlgorithm
from knowingly.recommend.desk import ModelVersion
from knowingly.recommend.interface.algorithms import Algorithm, CountingAlgorithm, Model
from knowingly.recommend.interface.block import Block, FitData
from knowingly.recommend.interface.counts import Counts
from knowingly.recommend.interface.query import History, Query
from knowingly.recommend.models.counting import CountedNeighbours, CountedScores
from knowingly.recommend.models.kinds import (
    CorrectedNeighbours,
    GroupScores,
    ItemFactors,
    ItemNeighbours,
    ItemScores,
    ItemVectors,
    ItemWeights,
    LiftNeighbours,
)
from knowingly.recommend.pages.explaining import EventInfluence, HitExplanation
from knowingly.recommend.pages.parameters import Criterion, SlotParameters
from knowingly.recommend.registry.cards import ModelCard
from knowingly.recommend.registry.files import SavedModel
from knowingly.recommend.registry.saving import SavedModels
from knowingly.recommend.training.comparing import Comparison
from knowingly.recommend.training.publishing import Trained
from knowingly.recommend.training.versions import RolledBack
from knowingly.shop import Shop
from knowingly.vault.root import local_root_keys, write_root_key
from knowingly.vault.wrapping import RootKeys

__all__ = [
    "Action",
    "Activation",
    "Addendum",
    "Algorithm",
    "Auditor",
    "Basis",
    "Bits",
    "Block",
    "BudgetExhaustedError",
    "BudgetReport",
    "Certificate",
    "Checkpoint",
    "Choice",
    "ChoiceCount",
    "ChoicesOfDay",
    "ClaimsEvidence",
    "Comparison",
    "ConsentError",
    "ConsentShare",
    "ConsentStatus",
    "Consistency",
    "ContractError",
    "CorrectedNeighbours",
    "CountedNeighbours",
    "CountedScores",
    "CountingAlgorithm",
    "Counts",
    "Criterion",
    "DamagedBackupError",
    "DataField",
    "Decision",
    "DescribingAlgorithm",
    "Destination",
    "Disclosure",
    "Entry",
    "Evaluation",
    "Event",
    "EventInfluence",
    "EventKind",
    "Expiring",
    "Explanation",
    "Figure",
    "FileError",
    "FitData",
    "GpcSupport",
    "GroupScores",
    "History",
    "HistoryBucket",
    "Hit",
    "HitExplanation",
    "Hold",
    "HoldError",
    "ImportReport",
    "InputError",
    "Intake",
    "InternalError",
    "Item",
    "ItemFactors",
    "ItemNeighbours",
    "ItemScores",
    "ItemTable",
    "ItemVectors",
    "ItemWeights",
    "KeptChoice",
    "KeyStatus",
    "KnowinglyError",
    "Latency",
    "LedgerError",
    "LiftNeighbours",
    "Maintained",
    "Merged",
    "MissingExtraError",
    "Model",
    "ModelCard",
    "ModelVersion",
    "NotFittedError",
    "Notification",
    "OpenedEntry",
    "Order",
    "OrderLine",
    "Page",
    "PageRef",
    "PairedTest",
    "PastEvent",
    "PluginError",
    "PluginLoadError",
    "Policy",
    "PolicyError",
    "PolicyProblem",
    "PopularityBucket",
    "Profile",
    "Query",
    "Receipt",
    "Refusal",
    "Release",
    "Resealed",
    "Retained",
    "RolledBack",
    "RootKeyError",
    "RootKeys",
    "RootVersion",
    "Rotated",
    "Said",
    "SavedModel",
    "SavedModels",
    "Score",
    "SealError",
    "Seen",
    "Shop",
    "Signal",
    "SignalContext",
    "SignalDecoder",
    "SignalError",
    "SigningRotated",
    "SlotParameters",
    "StoreError",
    "TamperedError",
    "Trained",
    "Trait",
    "Unfounded",
    "UnknownItemError",
    "UnknownSlotError",
    "UnknownSubjectError",
    "Variant",
    "VerifiedLog",
    "default_policy_text",
    "hookimpl",
    "load_policy",
    "local_root_keys",
    "open",
    "open_auditor",
    "receipt_schema",
    "write_root_key",
]
