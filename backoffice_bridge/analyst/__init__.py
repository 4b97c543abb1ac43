"""The analyst's door: read-only SQL on the open warehouse, through the node and never by opening its file."""
