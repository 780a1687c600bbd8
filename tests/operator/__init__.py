"""A new operator in an empty system: from the clone to the first song, with the README's own commands."""
