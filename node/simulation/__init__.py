"""A whole shop on virtual time, wires and disks, from one seed (DESIGN section 13): production code under faults."""
