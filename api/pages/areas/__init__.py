"""One module per area of the pages, each with a `router`."""
