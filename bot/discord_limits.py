"""Discord's limits, each with the page that states it, read 2026-11-25."""

from typing import Final

# https://docs.discord.com/developers/resources/message#create-message
CONTENT_MAX: Final = 2_000
"""Maximum length of a message's content, in characters."""

# https://docs.discord.com/developers/components/reference#button
LINK_MAX: Final = 512
"""Maximum length of a button's URL, in characters."""

# https://docs.discord.com/developers/components/reference#text-input
TEXT_INPUT_MAX: Final = 4_000
"""Maximum length of a form's text field, in characters."""

# https://docs.discord.com/developers/interactions/application-commands#application-command-object-application-command-option-structure
CHOICES_MAX: Final = 25
"""Maximum number of an option's choices, also in one autocompletion answer."""

# https://docs.discord.com/developers/interactions/application-commands#application-command-object-application-command-option-choice-structure
CHOICE_MAX: Final = 100
"""Maximum length of a choice's label, in characters."""

# https://docs.discord.com/developers/reference#uploading-files
REQUEST_MAX_BYTES: Final = 24 * 1024 * 1024
"""Maximum total size of a message's files; Discord refuses requests of 25 MiB and more."""
FILE_SAFE_BYTES: Final = 10 * 1024 * 1024
"""File size that every server accepts."""

# https://docs.discord.com/developers/resources/message#embed-object-embed-limits
EMBED_MAX: Final = 6_000
"""Maximum total length of a message's embeds, in characters."""
EMBED_TITLE_MAX: Final = 256
"""Maximum length of an embed's title, in characters."""
EMBED_DESCRIPTION_MAX: Final = 4_096
"""Maximum length of an embed's description, in characters."""
EMBED_URL_MAX: Final = 2_048
"""Maximum length of a URL in an embed, in characters."""
EMBED_FIELDS_MAX: Final = 25
"""Maximum number of fields in an embed."""
EMBED_FIELD_NAME_MAX: Final = 256
"""Maximum length of a field's name, in characters."""
EMBED_FIELD_VALUE_MAX: Final = 1_024
"""Maximum length of a field's value, in characters."""
EMBED_FOOTER_MAX: Final = 2_048
"""Maximum length of an embed's footer, in characters."""
