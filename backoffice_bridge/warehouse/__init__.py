"""The warehouse: the journals' sales as rows in DuckDB, rebuildable from nothing. One file, one owning process."""
