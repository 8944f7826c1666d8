"""From the fixture files to rows: whole, once, and without touching what people changed since."""
