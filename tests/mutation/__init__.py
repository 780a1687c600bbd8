"""Break each rule of the design in a copy of the source, and check that a test fails."""
