"""crm360: when things run, in which order, and the Python that SQL cannot do."""
