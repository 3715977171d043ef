"""For a station's own repository: a pytest plug-in with a ``station`` fixture, and readable guide snapshots.

    def test_christmas(station, snapshot):
        assert station.guide("5.1", "2026-12-25") == snapshot

``plugin`` is what pytest loads (entry point ``pytest11``); it imports nothing of RetroVue until a test asks
for ``station``. ``station`` has the compiled station, ``listing`` the text of a broadcast day, ``snapshots``
the syrupy extension that keeps one file a channel and day.
"""
