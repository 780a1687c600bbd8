"""Every screen of the playground in Chromium, in each language, on a desktop and on a phone."""
