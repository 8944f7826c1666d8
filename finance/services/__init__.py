"""The verbs of finance, one subject a file."""
