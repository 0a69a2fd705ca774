"""Landing: delivered files become all-text tables, every physical line accounted for.

`contract` says what the outside promised to deliver, `inspection` finds a file's
identity and encoding, `csv_reader` and `json_reader` turn bytes into records with
line numbers, `lander` writes them to Parquet and keeps `ops.file_ledger`.
"""
