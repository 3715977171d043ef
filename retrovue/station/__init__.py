"""Station: a folder of YAML becomes frozen models that remember where they were written."""
