"""The station language: documents, models, rules, schemas."""
