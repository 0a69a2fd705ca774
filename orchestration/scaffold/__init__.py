"""A new source from a sample of its file: `crm360 add-source`.

`profile` looks at the sample and says what each column seems to hold; `write` turns
that into the contract, suite, staging model and fixture that the rest of the project
expects, for a person to edit.
"""
