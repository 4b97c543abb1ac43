"""Journals: the entry, its chain and signature, the credential of its writer, and the heads that say what is held."""
