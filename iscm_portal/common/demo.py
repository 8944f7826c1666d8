"""What the demo's sign-ins share."""

# Given to the demo users by load_demo and printed by serve. Both refuse a portal that is open to
# others, so it protects a demo on one machine and nothing else.
DEMO_PASSWORD = "meet-the-mechanisms"  # noqa: S105
