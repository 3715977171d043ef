"""Head-end: front-ends over one Lineup; each imports lineup and nothing behind it."""
