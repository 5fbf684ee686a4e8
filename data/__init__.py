"""What is kept and where pictures come from: store, migrations, audit log, blobs, sources, weights."""
