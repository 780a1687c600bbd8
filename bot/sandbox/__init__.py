"""A music service on localhost that speaks the documented API and makes real audio."""
