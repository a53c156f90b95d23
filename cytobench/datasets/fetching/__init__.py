"""Bring image sets here: download, verify, unpack."""
