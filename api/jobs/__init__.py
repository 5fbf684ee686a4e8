"""Work that outlives the call that ordered it: scans, and what has to be done from time to time."""
