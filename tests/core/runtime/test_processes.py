from __future__ import annotations

import subprocess
import sys

from visorvos.core.runtime.processes import Processes, find_processes

ENDS_CONNECTED = """
import atexit
from torch import distributed
atexit.register(lambda: print("connected:", distributed.is_initialized()))
from visorvos.core.runtime.processes import leave_at_exit
distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
leave_at_exit()
leave_at_exit()  # as by both stages of training in one process
"""


def test_a_process_disconnects_before_it_ends() -> None:
    done = subprocess.run([sys.executable, "-c", ENDS_CONNECTED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # Some versions of PyTorch print on standard output, too.
    assert done.stdout.splitlines()[-1] == "connected: False"


def test_a_single_process_does_everything() -> None:
    processes = find_processes("cpu")
    assert processes == Processes(0, 1)
    assert processes.is_first
    assert processes.share([1, 2, 3]) == [1, 2, 3]
    assert processes.first_then_others(lambda: 5) == 5
    assert processes.gather([1, 2]) == [1, 2]
    assert processes.broadcast(7) == 7
    processes.wait()


def test_shares_cover_all_items_once() -> None:
    shares = [Processes(rank, 3).share(range(10)) for rank in range(3)]
    assert sorted(item for share in shares for item in share) == list(range(10))
