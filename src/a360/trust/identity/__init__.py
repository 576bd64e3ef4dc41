"""Who asks: accounts of this machine as principals, and acting as somebody else."""

from a360.trust.identity._accounts import OWNER, impersonated, principal_named, principal_of_account

__all__ = ["OWNER", "impersonated", "principal_named", "principal_of_account"]
