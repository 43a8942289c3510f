"""The view: health and figures of every replica of every service."""
