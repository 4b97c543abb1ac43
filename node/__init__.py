"""One till, one handheld gateway, or the back office: the same program."""
