"""RetroVue: a television network in a folder of YAML."""

__version__ = "0.1.0"
