"""What a shop knows, and how two copies of it become one. Pure: no clock, no chance, no socket, no file."""
