"""Completed sales: what was sold, what was paid, under which number. Immutable from the moment they are made."""
