"""What goes over HTTP: one struct a shape, and its translation from the contracts."""
