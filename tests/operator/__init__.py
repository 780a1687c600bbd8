"""A new operator on a fresh system: from the clone to the first song, with the README's own commands."""
