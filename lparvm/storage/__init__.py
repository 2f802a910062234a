"""Main storage, keys, zone table, the view of a guest, the page mover. numpy, synchronous."""
