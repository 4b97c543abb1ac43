"""The local API: loopback HTTP under `/v1` for the till's own software, whatever language it is written in.

A thin edge: it checks who asks and what is asked, calls one method of the node, and writes the answer. Every route comes
from one table (`table.py`), which the router, `/openapi.json` and API.md read alike.
"""
