"""One module per revision, named by its number; a published one never changes."""
