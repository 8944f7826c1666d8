"""What is measured and not tested: how long, how many, how heavy."""
