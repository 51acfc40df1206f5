"""How good reenactment is: protocols, metrics with intervals, tables, and a report (`liax evaluate`)."""
