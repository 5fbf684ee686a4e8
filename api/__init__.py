"""Ways in and out: settings, the composition root, the command line, reports and (later) HTTP."""
