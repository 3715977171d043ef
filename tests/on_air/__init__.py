"""The real program, real ffmpeg, real sockets: what a television would see."""
