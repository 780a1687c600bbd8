"""Every screen of the playground in Chromium, in each language, on a desk and on a phone."""
