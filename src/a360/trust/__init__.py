"""Who may see what of a lake, and the only door through which they see it.

`policy` decides, `identity` says who asks, `gate` what SQL may be, `gateway` answers, and `audit` keeps what
was done.
"""
