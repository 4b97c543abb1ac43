"""The demonstration: a trading day of real grocery baskets in a store of real processes, with an outage in its middle."""
