"""Compiler: plan → schedule day → playlist. Values in, values out; no clock, no I/O."""
