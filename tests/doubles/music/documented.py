"""Request bodies of the vendor's documentation, verbatim.

Source: https://sseedance.com/en/docs/music, section Example, read 2026-11-22.
"""

NORMAL = """{
    "provider": "kie",
    "model": "V5",
    "prompt": "Warm cinematic synth pop with soft drums",
    "instrumental": false
  }"""
CUSTOM = """{
    "provider": "kie",
    "model": "V5",
    "customMode": true,
    "title": "Neon Rain",
    "style": "synthwave",
    "lyrics": "City lights and midnight rain",
    "instrumental": false
  }"""
INSTRUMENTAL = """{
    "provider": "kie",
    "model": "V5",
    "customMode": true,
    "title": "Open Sky",
    "style": "cinematic ambient",
    "instrumental": true
  }"""
