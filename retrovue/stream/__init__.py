"""Stream: transport-stream packets, and one signal for many viewers."""
