"""X12 005010: the engine (tokenizer, envelope, tables read and written) and its transaction sets.

It is apart because it knows segments and nothing of services, brokers or databases. A transaction
set is one table (`shared.x12.table`) that is walked in both directions.
"""
