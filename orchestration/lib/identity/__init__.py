"""Identity: which source records are one customer, and the id that customer keeps."""
