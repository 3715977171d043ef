"""Playout: the playlist aligned to the MasterClock and turned into a signal."""
