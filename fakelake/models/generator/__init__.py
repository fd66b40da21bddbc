"""The generator: parts that move together, learnt from motion, and swapped.

Hung et al., "Motion-supervised Co-Part Segmentation", ICPR 2020 (arXiv 2004.03234).
"""
