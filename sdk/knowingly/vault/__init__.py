"""Keys and seals: root key, a key per tenant, a random key per subject, and how they shred."""
