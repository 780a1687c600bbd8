"""Break each rule of the design in a copy of the source; a test has to notice."""
