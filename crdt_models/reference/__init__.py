"""Reference data: items, prices, customers, staff and the other tables that a shop looks things up in."""
