"""Evidence of a finding: a signed bundle that proves itself, and the notice that goes with it.

gathering ─▶ plates ─▶ report (PDF) ─▶ bundle (ZIP, signed manifest) ─ years later, offline ─▶ verifying
"""
