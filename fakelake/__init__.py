"""fakelake: which videos of a large archive are deepfakes, why, and how sure."""

__version__ = "0.1.0"
