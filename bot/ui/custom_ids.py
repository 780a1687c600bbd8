"""Numbers in the custom_ids of buttons and forms, which anybody can forge.

A number has exactly one spelling, in ASCII without leading zeros, and fits into a database column. Anything
else matches no button and no form.
"""

from typing import Final

NUMBER: Final = "(?:0|[1-9][0-9]{0,17})"
"""Pattern of an id assigned by the bot: at most 18 digits."""
SNOWFLAKE: Final = "(?:[1-9][0-9]{0,17}|[1-8][0-9]{18})"
"""Pattern of a Discord id: fits into SQLite, and suffices until 2083."""
PRICE: Final = "(?:0|[1-9][0-9]{0,9})"
"""Pattern of a price in credits."""
