"""First models drafted of strangers' tables."""
