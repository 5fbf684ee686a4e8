"""Reports: rows of findings as JSON Lines, CSV, a self-contained HTML page and a table in the terminal."""
