"""What a collection's rules say of its assets; pure. Applied at ingest, so that the lock has the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from retrovue.compiler.findings import written_at
from retrovue.compiler.shelf import matches
from retrovue.compiler.why import said_window
from retrovue.library.catalog import Asset
from retrovue.station.model import AssetRule, StationModel


def rule_of(model: StationModel, asset: Asset) -> str:
    """Where the rule is written that gave ``asset`` its dayparts; empty when it isn't there any more."""
    collection = model.collections.get(asset.collection)
    for at, rule in enumerate(collection.rules if collection is not None else ()):
        given = tuple(map(said_window, rule.dayparts)) == asset.dayparts
        if collection is not None and given and (rule.match is None or matches(asset, rule.match)):
            return written_at(collection.place("rules", at))
    return ""


def by_rules(asset: Asset, rules: Sequence[AssetRule]) -> Asset:
    """``asset`` with what each rule in turn gives it: a rating and dayparts where it has none, tags that it
    lacks."""
    asset = replace(asset, dayparts=())  # they are the rules' alone
    for rule in rules:
        if rule.match is None or matches(asset, rule.match):
            tags = dict.fromkeys((*asset.tags, *rule.tags))
            dayparts = asset.dayparts or tuple(map(said_window, rule.dayparts))
            asset = replace(asset, rating=asset.rating or rule.rating, tags=tuple(tags), dayparts=dayparts)
    return asset
