"""The numbers in the custom_ids of buttons and forms, which anybody can forge.

A number has one spelling, in ASCII and without leading zeros, and fits into a column of the database.
Whatever else stands in its place matches no button and no form.
"""

from typing import Final

NUMBER: Final = "(?:0|[1-9][0-9]{0,17})"
"""Pattern of an id that the bot assigned: at most 18 digits."""
SNOWFLAKE: Final = "(?:[1-9][0-9]{0,17}|[1-8][0-9]{18})"
"""Pattern of an id of Discord's: SQLite can store it, and Discord gets no further before 2083."""
PRICE: Final = "(?:0|[1-9][0-9]{0,9})"
"""Pattern of a price in credits."""
