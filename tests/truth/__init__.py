"""The KPIs once more, in pandas, from the truth of a simulated company."""
