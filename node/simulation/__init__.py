"""A whole shop on virtual time, wires and disks, from one seed: production models and replica under faults (DESIGN section 13)."""
