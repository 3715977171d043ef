"""Diagnostics: one shape for every mistake that RetroVue can name, and its renderers."""

from retrovue.diagnostics.diagnostic import Diagnostic, Label, Severity, Span

__all__ = ["Diagnostic", "Label", "Severity", "Span"]
