"""Landing: delivered files become all-text tables, every physical line accounted for.

`contract` says what the outside promised to deliver, `landing_place` lists what lies
there, `inspection`, `encoding` and `formats` find a file's identity, encoding and
format, the readers turn bytes into records with line numbers, `lander` writes them to
Parquet and keeps `ops.file_ledger`.
"""
