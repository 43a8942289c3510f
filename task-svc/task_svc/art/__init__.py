"""Pictures in ten styles, each by an algorithm of its own.

Nothing here but `parameters`, `styles` and `themes` is imported by the service process; numpy and Pillow
live in the workers only.
"""
