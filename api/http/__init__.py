"""The way in over HTTP: routes translate, the application's services do the work."""
