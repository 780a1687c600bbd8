"""What runs by itself: from a queued job to a delivered song."""
