"""Random answers of the music service, thrown at each reader: ``python -m tests.fuzz --answers 100000``."""
