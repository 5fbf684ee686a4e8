"""What is kept and where pictures come from: the SQL store, migrations, audit log, blobs, sources, reference data."""
