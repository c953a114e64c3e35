"""Algorithms: one folder per setting, one file per algorithm."""
