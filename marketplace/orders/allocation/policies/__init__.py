"""All policy versions; a file here with a `POLICY` is a policy, nothing else needs to know it."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from marketplace.orders.allocation.policy import Policy
from marketplace.orders.allocation.refusals import AllocationRefused


def get_policy(name: str, version: int) -> Policy:
    """The policy by name and version; raises AllocationRefused `unknown_policy`."""
    if (name, version) not in POLICIES:
        raise AllocationRefused("unknown_policy", policy=name, version=version)
    return POLICIES[name, version]


def latest_policies() -> list[Policy]:
    """The newest version of each policy, by name: what a new round may choose from."""
    newest = {policy.name: policy for _, policy in sorted(POLICIES.items())}
    return list(newest.values())


def _collect() -> dict[tuple[str, int], Policy]:
    found: dict[tuple[str, int], Policy] = {}
    for module in iter_modules(__path__):
        policy: Policy = import_module(f"{__name__}.{module.name}").POLICY
        if (policy.name, policy.version) in found:
            raise RuntimeError(f"two files define {policy.name} version {policy.version}")
        found[policy.name, policy.version] = policy
    return found


POLICIES: Mapping[tuple[str, int], Policy] = MappingProxyType(_collect())
