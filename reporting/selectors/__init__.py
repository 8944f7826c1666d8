"""Questions that need more than one model; one file a subject."""
