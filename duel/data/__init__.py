"""Data shipped with the lab, and the scripts that made it. See PROVENANCE.md."""
