"""Places that audiences are sent to."""
