"""The music service: its HTTP, its JSON and its audio files, translated into our own types."""
