"""What a back office adds to a node: the warehouse in DuckDB and SQL for analysts. Plugs in through `tillmesh.plugins`.

DELIVERY.md says what is guaranteed. Only this package imports duckdb and pyarrow, and only once the plugin starts.
"""
