"""What members see and touch; Discord lives here and nowhere else, and so do all words."""
