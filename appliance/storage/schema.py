"""All tables together, for whoever needs the whole schema: a table exists once its module is loaded."""

from appliance.storage import admin_tables, voice_tables
from appliance.storage.tables import metadata

__all__ = ["admin_tables", "metadata", "voice_tables"]
