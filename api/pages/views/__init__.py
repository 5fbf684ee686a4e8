"""Pure: from rows and records to the plain values that templates show."""
