"""What a node keeps on its disk: journals, a small memory, the proof of its start. `STORAGE.md` is the specification.

The disk knows journals as numbered bytes. It never decodes an entry, never judges a signature, never asks a clock.
"""
