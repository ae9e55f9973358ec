"""The defaults that columns have on Postgres, as the tables of the existing platform have them: its scripts insert rows without values.

Holdfast itself sends every value. SQLite tables have none of these defaults except those that a migration created with the column: SQLite
sets a default only by copying the table, and no script of the existing platform writes to SQLite.
"""

from __future__ import annotations

from sqlalchemy import text

NOW = text("now()")
RANDOM_ID = text("gen_random_uuid()")
RANDOM_TEXT = text("(gen_random_uuid())::text")
NO_FIELDS = text("'{}'")
NO_ITEMS = text("'[]'")
