"""Values: money, quantities, identities, stamps. Frozen, checked on construction, without a float."""
