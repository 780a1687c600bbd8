"""The background pipeline: from a queued job to a delivered song."""
