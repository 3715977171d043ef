"""Readable guide snapshots for syrupy: one text file a channel and broadcast day.

The file is ``__snapshots__/<test file>/5.1 2026-12-25.txt``: two tests of one file that look at the same day
share it. ``pytest --snapshot-update`` writes it anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion
    from syrupy.location import PyTestLocation
    from syrupy.types import SnapshotIndex

    from retrovue.testing.listing import Listing


class GuideSnapshotExtension(SingleFileSnapshotExtension):
    """Keeps a listing as it reads."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"

    @classmethod
    def get_snapshot_name(cls, *, test_location: PyTestLocation, index: SnapshotIndex = 0) -> str:
        if isinstance(index, str):
            return index
        return super().get_snapshot_name(test_location=test_location, index=index)


def matches(listing: Listing, snapshot: object) -> bool:
    """Is the listing what its snapshot file says?"""
    assertion = cast("SnapshotAssertion", snapshot)
    # The assertion itself, told how to keep this one value: its report shows the difference.
    return assertion(name=listing.name, extension_class=GuideSnapshotExtension) == str(listing)
