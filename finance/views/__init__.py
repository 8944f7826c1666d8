"""Pages of money, one subject a file."""
