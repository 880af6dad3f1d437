"""The reason codes of decisions, and what each means in a sentence."""

REASONS: dict[str, str] = {
    "granted": "The person agreed, to a notice that covers the purpose as it is today.",
    "signal": "A signal that the shop accepts for this purpose allows it.",
    "contract": "The shop declares a contract as the basis of this purpose.",
    "legitimate_interest": "The shop declares a legitimate interest as the basis of this purpose.",
    "legal_obligation": "The shop declares a legal obligation as the basis of this purpose.",
    "unknown_purpose": "The policy file does not declare this purpose.",
    "prohibited": "The shop has switched this purpose off.",
    "restricted": "A restriction on the person's data is in force.",
    "objected": "The person objected, and has not agreed since.",
    "signal_objected": "An opt-out signal came with the request, and no choice was made over it.",
    "refused": "The person said no.",
    "withdrawn": "The person withdrew their agreement.",
    "revoked": "Someone entitled to it ended the agreement in the person's place.",
    "invalidated": "The agreement was found to be void.",
    "under_age": "Who agreed was too young to do it alone where they live.",
    "weak_evidence": "The agreement was imported with less evidence than the policy asks for.",
    "tie": "The person's latest choices were made at the same moment and contradict each other.",
    "reconsent": "The person agreed to a notice that does not cover the purpose as it is today.",
    "expired": "The person agreed so long ago that they must be asked again.",
    "future_dated": "The latest choice, or a signal, is dated in the future.",
    "invalid_signal": "A signal could not be understood.",
    "stale_signal": "A signal is too old to be believed.",
    "signal_refused": "A signal refuses this purpose.",
    "needs_confirmation": "A session of theirs agreed before they signed in; they must confirm it.",
    "no_record": "Nothing on record allows this purpose.",
    "erased": "The person is being erased, or was.",
    "key_lost": "The person's key cannot be used, or an event does not open, so nothing is read.",
    "no_subject": "Nobody was named, or a bot asked.",
    "profiling_off": "The page was asked for without a profile.",
}
"""Every reason a decision can give, with what it means. The codes are stable.

The last four are given where a person's data would be read, before anything is decided.
"""
