"""Webhooks on their way out: when to try, how to sign, how to send."""
