"""What the operator sees: the LPAR frame, the map of storage, progress, the line console."""
