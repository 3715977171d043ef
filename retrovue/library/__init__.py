"""Library: what may air. Adapters find media, enrichers describe it, the catalog lock remembers it."""
