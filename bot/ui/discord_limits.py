"""Discord's limits, each with the page that states it, read 2026-11-25."""

from typing import Final

# https://docs.discord.com/developers/resources/message#create-message
CONTENT_MAX: Final = 2_000
"""Maximum length of a message's content, in characters."""

# https://docs.discord.com/developers/components/reference#button
LINK_MAX: Final = 512
"""Characters of a button's address."""

# https://docs.discord.com/developers/components/reference#text-input
TEXT_INPUT_MAX: Final = 4_000
"""Characters of a text field in a form."""

# https://docs.discord.com/developers/interactions/application-commands#autocomplete
CHOICES_MAX: Final = 25
"""Choices in one answer to an autocompletion."""

# https://docs.discord.com/developers/interactions/application-commands#application-command-object-application-command-option-choice-structure
CHOICE_MAX: Final = 100
"""Characters of a choice's label."""

# https://docs.discord.com/developers/reference#uploading-files
REQUEST_MAX_BYTES: Final = 24 * 1024 * 1024
"""Files of one message together; Discord refuses requests of 25 MiB and more."""
FILE_SAFE_BYTES: Final = 10 * 1024 * 1024
"""Size of a file that every server takes."""

# https://docs.discord.com/developers/resources/message#embed-object-embed-limits
EMBED_MAX: Final = 6_000
"""Characters of all embeds of a message together."""
EMBED_TITLE_MAX: Final = 256
"""Characters of an embed's title."""
EMBED_DESCRIPTION_MAX: Final = 4_096
"""Characters of an embed's description."""
EMBED_URL_MAX: Final = 2_048
"""Characters of an address in an embed."""
EMBED_FIELDS_MAX: Final = 25
"""Fields of an embed."""
EMBED_FIELD_NAME_MAX: Final = 256
"""Characters of a field's name."""
EMBED_FIELD_VALUE_MAX: Final = 1_024
"""Characters of a field's value."""
EMBED_FOOTER_MAX: Final = 2_048
"""Characters of an embed's footer."""
