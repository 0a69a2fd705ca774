"""What customers will order: fitted by likelihood, held against what they did."""
