"""Replication: how nodes come to hold each other's journals. Pure: events in, ordered effects out (PROTOCOL.md).

Nothing here opens a socket or a file, reads a clock, draws chance, logs, or waits. The shell does, and the simulation does
it on virtual time, with the same code.
"""
