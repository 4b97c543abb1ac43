"""How a node is trusted, found and spoken to. It carries opaque bytes; it knows no journal and no sale."""
