"""A local SageMaker that any AWS client can call, with AWS's states, limits and errors.

Only tests, examples, benchmarks and `--local` import this package.
"""

from sqlprov.emulator.emulator import Emulator
from sqlprov.emulator.options import FAULTS, Call, Fault, Options
from sqlprov.emulator.organization import Member, Organization, make_organization

__all__ = [
    "FAULTS",
    "Call",
    "Emulator",
    "Fault",
    "Member",
    "Options",
    "Organization",
    "make_organization",
]
