"""Each rule of the design, broken in a copy of the source: a test has to notice it."""
