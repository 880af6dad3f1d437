"""The append-only log: RFC 6962 hashing over stored canonical bytes, and its verification."""
