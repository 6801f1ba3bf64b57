from __future__ import annotations

import subprocess
import sys

ENDS_CONNECTED = """
import atexit
from torch import distributed
atexit.register(lambda: print("connected:", distributed.is_initialized()))
from visorvos.core.runtime.process_group import leave_at_exit
distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
leave_at_exit()
leave_at_exit()  # both stages of training in one process, say
"""


def test_a_process_takes_leave_of_the_others() -> None:
    done = subprocess.run([sys.executable, "-c", ENDS_CONNECTED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "connected: False\n"
