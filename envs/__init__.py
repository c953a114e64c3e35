"""Environments: one folder per setting, one short file per family of problem."""
