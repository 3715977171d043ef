"""The test department's instruments: they judge the signal by the standard, never by our own code."""
