"""Feed random answers of the music service to each reader: ``python -m tests.fuzz --answers 100000``."""
