"""What docs/protocol.md is made of: routes and prose written here, tables and diagrams drawn from the machines."""
