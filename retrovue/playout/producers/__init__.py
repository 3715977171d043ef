"""Producers: one is active per channel; it renders the playlog it is given and picks nothing."""
