"""Exclusive rights: who holds what, decided by the set of claims and nothing else (RULES C)."""
