"""How good an animator is: protocols, metrics with intervals, tables, and a report (`liax evaluate`)."""
