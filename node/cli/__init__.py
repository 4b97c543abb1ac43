"""The command `tillmesh`: one file per command. People read tables, programs read `--json`; `CLI.md` lists all of it."""
