"""The TLS settings that all connections of the process to the music service share."""

import functools
import ssl

import certifi


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Return the one context.

    Reading the trusted certificates takes 30 ms and 1 MB each time.
    """
    return ssl.create_default_context(cafile=certifi.where())
