"""Which genre an album without one may have: ranked, with a certainty that was measured, or left open."""
