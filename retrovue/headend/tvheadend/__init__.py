"""The Tvheadend front-end: HTSP for Kodi and its kin."""
