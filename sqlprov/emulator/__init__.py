"""A local SageMaker that any AWS client can call, with AWS's states, limits and errors.

`Emulator` runs it in the process, `serve` as a process of its own. Only tests, examples, benchmarks and
`--local` import this package.
"""

from sqlprov.emulator.emulator import Emulator, serve
from sqlprov.emulator.options import FAULTS, Call, Fault, Options

__all__ = ["FAULTS", "Call", "Emulator", "Fault", "Options", "serve"]
