"""The trio tasks, one file each. They never import each other: they talk by messages."""
