"""What is known of a person: how it comes in, and how it is read, for a purpose and no further."""
