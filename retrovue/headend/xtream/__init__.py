"""The station as an Xtream codes server: what set-top players know by address, name and password."""
