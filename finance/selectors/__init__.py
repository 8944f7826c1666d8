"""Questions about money, one subject a file."""
