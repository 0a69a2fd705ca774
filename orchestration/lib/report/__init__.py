"""What a run came to, in a few lines."""
