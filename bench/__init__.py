"""The speed goals as ratios inside one run: each goal one file, `python -m bench` for all; see README.md."""
