"""Places that exports come from: what lies there is brought to the landing folder."""
