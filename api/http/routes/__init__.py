"""One module per resource; each has `router`, and `api.http.app` includes them."""
