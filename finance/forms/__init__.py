"""What people send about money."""
