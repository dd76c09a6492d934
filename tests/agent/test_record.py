"""What a run leaves in its folder."""

from threading import Timer

from filelock import FileLock

from moot.agent.record import lock


def test_who_looks_whether_a_run_goes_on_is_not_in_its_way(tmp_path):
    looking = FileLock(tmp_path / "run.lock", thread_local=False)
    looking.acquire()
    leaving = Timer(0.1, looking.release)
    leaving.start()
    assert lock(tmp_path).is_locked
    leaving.join()
