"""Batches: what is carried, once it was decided.

    corrections (decided) ─ prepare ─▶ package ─ sign ─▶ signed package ─ send ─▶ ─ receipt, prove (next export) ─▶

One direction: `corrections/` decides and knows nothing of packages; this room reads what was decided. `manifest` alone
says how a package is written and read, and `verify` needs neither a store nor a workspace: nothing is imported here.
"""
