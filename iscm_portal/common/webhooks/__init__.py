"""Changes that are sent: subscriptions of tools to the feed, signed, in order, and tried again."""
