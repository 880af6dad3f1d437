"""Questions of an auditor, each answered in one call; none of them needs a person's key."""
