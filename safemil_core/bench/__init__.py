"""How fast learning is, beside a straightforward loop in the paper's style and beside its matrix products alone.

Every contestant lives in a process of its own, set up as its users would set it up, and all take turns within one
measurement: whatever else the machine does hits them alike.
"""
