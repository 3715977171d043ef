"""What a collection's rules say of its assets; pure. Applied at ingest, so that the lock has the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from retrovue.compiler.shelf import matches
from retrovue.library.catalog import Asset
from retrovue.station.model import AssetRule


def by_rules(asset: Asset, rules: Sequence[AssetRule]) -> Asset:
    """``asset`` with what each rule in turn gives it: a rating where it has none, tags that it lacks."""
    for rule in rules:
        if rule.match is None or matches(asset, rule.match):
            tags = dict.fromkeys((*asset.tags, *rule.tags))
            asset = replace(asset, rating=asset.rating or rule.rating, tags=tuple(tags))
    return asset
