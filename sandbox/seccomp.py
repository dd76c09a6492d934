"""The filter of system calls: classic BPF, handed to the kernel by bubblewrap or by the launcher.

Assembled by hand because no library fits: `pyseccomp` and the `seccomp` bindings need libseccomp.so on the
machine, load it into our own process, and leave the file that bubblewrap reads to a temporary file.
"""

import errno
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Machine", "filter_program", "machine"]

# Classic BPF and seccomp, from linux/bpf_common.h and linux/seccomp.h.
_LOAD_WORD = 0x20
_JUMP_EQUAL = 0x15
_JUMP_GREATER_OR_EQUAL = 0x35
_JUMP_ANY_BIT = 0x45
_AND = 0x54
_RETURN = 0x06
_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000

# Offsets in struct seccomp_data; arguments are 64 bits, little endian.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16

_X32 = 0x40000000

_NEW_NAMESPACE = 0x7E020080
"""CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET (linux/sched.h)."""

_SIGNAL_OF_CLONE = 0xFF
"""The low byte of clone's flags is a signal there; unshare's CLONE_NEWTIME has the same bit."""

_TERMINAL_INPUT = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX type into a terminal (asm-generic/ioctls.h)."""

_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_ROUTE = 0
_STREAM, _SEQPACKET = 1, 5
_TYPE_BITS = 0xF

_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0x40000, 0xFFFFFFFF)
"""Docker's list, and ADDR_NO_RANDOMIZE for sanitizers and `setarch -R`."""

_ITSELF = 0
"""The caller, as a process id."""

_NONE = -1

# (x86-64, AArch64), from syscall_64.tbl and asm-generic/unistd.h of Linux 6.18.
_CLONE, _CLONE3, _UNSHARE = (56, 220), (435, 435), (272, 97)
_IOCTL, _SOCKET, _SOCKETPAIR, _PERSONALITY = (16, 29), (41, 198), (53, 199), (135, 92)
_PRLIMIT = (302, 261)

_DENIED = {
    # Kernel interfaces with a history of holes, and no use in a build or a test.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "lookup_dcookie": (212, 18),
    "uselib": (134, _NONE),
    "_sysctl": (156, _NONE),
    "sysfs": (139, _NONE),
    "ustat": (136, _NONE),
    "nfsservctl": (180, 42),
    # Other processes' memory and descriptors.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # Namespaces and mounts.
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    # Files past every path check, and watching the whole machine.
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    # The machine itself.
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "create_module": (174, _NONE),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "get_kernel_syms": (177, _NONE),
    "query_module": (178, _NONE),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "acct": (163, 89),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "iopl": (172, _NONE),
    "ioperm": (173, _NONE),
    "vhangup": (153, 58),
}

_SHARED_IPC = {
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
}
"""System V and POSIX queues, which cross over to other programs where there is no namespace for them."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A processor architecture: which column of the tables, and its AUDIT_ARCH_ value (linux/audit.h)."""

    column: int
    audit: int


_MACHINES = {
    "x86_64": Machine(0, 0xC000003E),
    "aarch64": Machine(1, 0xC00000B7),
    "arm64": Machine(1, 0xC00000B7),
}


def machine(name: str | None = None) -> Machine | None:
    """Return the architecture by its `uname -m`, by default this machine's; None where no table is known."""
    return _MACHINES.get(name or platform.machine())


def filter_program(target: Machine, *, namespaces: bool) -> bytes:
    """Return the filter as an array of struct sock_filter.

    A call of a foreign architecture (32-bit code, `int 0x80`) kills its process; a call that is not allowed
    fails with EPERM, as if the user lacked a privilege, and clone3 with ENOSYS: its flags are in memory where
    a filter cannot look, and every libc then falls back to clone.

    Args:
        target: architecture whose programs will run.
        namespaces: the program runs in network and IPC namespaces of its own. Otherwise it gets no sockets
            but connected pairs, no System V or POSIX IPC, and sets limits of itself alone.
    """
    rules = [*_architecture(target), *_refusals(target, namespaces), *_arguments(target, namespaces)]
    return b"".join((*rules, _returns(_ALLOW)))


def _architecture(target: Machine) -> Iterator[bytes]:
    yield _step(_LOAD_WORD, _ARCHITECTURE)
    yield _step(_JUMP_EQUAL, target.audit, then=1)
    yield _returns(_KILL_PROCESS)
    yield _step(_LOAD_WORD, _NUMBER)
    if target.column == 0:
        yield _step(_JUMP_GREATER_OR_EQUAL, _X32, otherwise=1)
        yield _returns(_ERRNO | errno.ENOSYS)


def _refusals(target: Machine, namespaces: bool) -> Iterator[bytes]:
    table = _DENIED if namespaces else _DENIED | _SHARED_IPC
    numbers = [numbers[target.column] for numbers in table.values()]
    for number in (number for number in numbers if number != _NONE):
        yield _step(_JUMP_EQUAL, number, otherwise=1)
        yield _returns(_ERRNO | errno.EPERM)
    yield _step(_JUMP_EQUAL, _CLONE3[target.column], otherwise=1)
    yield _returns(_ERRNO | errno.ENOSYS)


def _arguments(target: Machine, namespaces: bool) -> Iterator[bytes]:
    column = target.column
    yield _when(_CLONE[column], _none_of(_NEW_NAMESPACE & ~_SIGNAL_OF_CLONE))
    yield _when(_UNSHARE[column], _none_of(_NEW_NAMESPACE))
    yield _when(_IOCTL[column], _argument(1) + _unless(_TERMINAL_INPUT))
    yield _when(_PERSONALITY[column], _argument(0) + _only(_PERSONALITIES, errno.EPERM))
    if namespaces:
        yield _when(_SOCKET[column], _argument(0) + _families())
        return
    yield _when(_SOCKET[column], _returns(_ERRNO | errno.EAFNOSUPPORT))
    # A datagram socket of a pair may still be connected to, or send to, any address.
    kinds = _argument(1) + _step(_AND, _TYPE_BITS) + _only((_STREAM, _SEQPACKET), errno.EPERM)
    yield _when(_SOCKETPAIR[column], kinds)
    # Landlock lets it set the limits of all processes of its user: of those outside, too.
    yield _when(_PRLIMIT[column], _argument(0) + _only((_ITSELF,), errno.EPERM))


def _families() -> bytes:
    """Allow what lives in a network namespace; of netlink, what lists addresses."""
    refused = _returns(_ERRNO | errno.EAFNOSUPPORT)
    netlink = _argument(2) + _only((_ROUTE,), errno.EAFNOSUPPORT)
    return _only_else((_UNIX, _INET, _INET6), _step(_JUMP_EQUAL, _NETLINK, then=1) + refused + netlink)


def _none_of(bits: int) -> bytes:
    refused = _returns(_ERRNO | errno.EPERM)
    return _argument(0) + _step(_JUMP_ANY_BIT, bits, otherwise=1) + refused + _returns(_ALLOW)


def _unless(values: tuple[int, ...]) -> bytes:
    refused = _returns(_ERRNO | errno.EPERM)
    return b"".join(_step(_JUMP_EQUAL, value, otherwise=1) + refused for value in values) + _returns(_ALLOW)


def _only(values: tuple[int, ...], error: int) -> bytes:
    return _only_else(values, _returns(_ERRNO | error))


def _only_else(values: tuple[int, ...], rest: bytes) -> bytes:
    allowed = _returns(_ALLOW)
    return b"".join(_step(_JUMP_EQUAL, value, otherwise=1) + allowed for value in values) + rest


def _when(number: int, block: bytes) -> bytes:
    """Run a block for one system call; the block always returns."""
    return _step(_JUMP_EQUAL, number, otherwise=len(block) // 8) + block


def _argument(index: int) -> bytes:
    return _step(_LOAD_WORD, _ARGUMENTS + 8 * index)


def _returns(value: int) -> bytes:
    return _step(_RETURN, value)


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("<HBBI", code, then, otherwise, value)
