"""Commands: one transaction each, named by a verb; one file a subject."""
