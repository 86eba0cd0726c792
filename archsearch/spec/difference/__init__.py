"""Two specs -> named edits by factor."""
