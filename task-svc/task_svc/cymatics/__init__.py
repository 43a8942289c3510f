"""Cymatic figures: what sand does on a plate that is driven at one frequency.

Nothing here is imported by the service process; numpy and Pillow live in the workers only.
"""
