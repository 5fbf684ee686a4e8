"""What makes references searchable: the exact oracle, FAISS, snapshots, following the store, enrolment."""
