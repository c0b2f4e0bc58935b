"""Workers end with the main process, and a forked child keeps what it holds."""

from __future__ import annotations

import re
import time
from typing import Any

from coded import Coded
from crews import gone_within, is_alive, output_of, start_script


class Busy(Coded):
    """From the 9th sample on holds the GIL in C code, for ever."""

    def load_sample(self, index: int) -> Any:
        if index >= 8:
            re.match(r"(a+)+$", "a" * 40 + "b")
        return super().load_sample(index)


def test_workers_end_with_their_parent_in_c_code_too() -> None:
    script = """
        import threading, time
        from crews import in_processes, pids
        from test_worker_ends import Busy
        seq = in_processes(Busy, 48)
        starter = threading.Thread(target=lambda: seq[0])
        starter.start()
        starter.join()
        time.sleep(0.3)
        print(*pids(seq), flush=True)
        seq[1]
    """
    with start_script(script) as parent:
        assert parent.stdout is not None
        numbers = [int(number) for number in parent.stdout.readline().split()]
        assert len(numbers) == 2
        time.sleep(0.3)
        assert all(map(is_alive, numbers))  # They outlive the thread that started them.
        parent.kill()
        assert gone_within(20, *numbers)


def test_batches_of_a_forked_child_are_its_own() -> None:
    script = """
        import os
        from coded import Coded, codes
        from crews import in_processes
        with in_processes(Coded, 80) as seq:
            kept, other = seq[0], seq[1]
            go, went = os.pipe(), os.pipe()
            child = os.fork()
            if not child:
                other[1][:] = -1
                os.write(went[1], b"x")
                os.read(go[0], 1)
                os._exit(codes(kept) != list(range(8)))
            os.read(went[0], 1)
            assert codes(other) == list(range(8, 16))
            del kept
            for _ in range(3):
                list(seq)
            os.write(go[1], b"x")
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert output_of(start_script(script)) == "0\n"
