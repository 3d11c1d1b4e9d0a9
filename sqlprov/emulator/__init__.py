"""A local SageMaker: requests of any AWS client in, replies with AWS's states, limits and errors out.

`Emulator` runs it in the process, `serve` alone. Nothing but tests, examples, benchmarks and `--local`
imports this package.
"""

from sqlprov.emulator.emulator import Emulator
from sqlprov.emulator.options import FAULTS, Call, Fault, Options
from sqlprov.emulator.standalone import serve

__all__ = ["FAULTS", "Call", "Emulator", "Fault", "Options", "serve"]
