"""The pause program: process 1 of every sandbox, as a static ELF file of about 230 bytes made here.

It holds the pod's namespaces, ends with 0 on SIGTERM or SIGINT, and reaps children that were re-parented to
it (pods with a shared process namespace). No compiler, no libc, no binary in the repository.

How it works: SIGTERM, SIGINT and SIGCHLD are blocked, so that the kernel queues them even for process 1
(signal(7), pid_namespaces(7)), and taken one by one with rt_sigtimedwait(2).

Sources: System V ABI (ELF-64), the x86-64 system call table of Linux.

Neighbours: images.ensure_pause packs it into the image `dromon.local/pause:1`; deploy/images does, too.
"""

from __future__ import annotations

import io
import struct
import tarfile

BASE = 0x400000
"""Where the file is mapped."""

_HEADERS = 64 + 56

_SIGNALS = 1 << (2 - 1) | 1 << (15 - 1) | 1 << (17 - 1)
"""The signal set {SIGINT, SIGTERM, SIGCHLD} as the kernel has it: bit n-1 is signal n."""

_X86_64 = bytes.fromhex(
    "31ff"  #             xor  edi, edi                SIG_BLOCK
    "488d3557000000"  #   lea  rsi, [rip + set]
    "31d2"  #             xor  edx, edx                no old set
    "41ba08000000"  #     mov  r10d, 8                 bytes of a set
    "b80e000000"  #       mov  eax, 14                 rt_sigprocmask
    "0f05"  #             syscall
    # wait:
    "488d3d41000000"  #   lea  rdi, [rip + set]
    "31f6"  #             xor  esi, esi                no siginfo
    "31d2"  #             xor  edx, edx                no timeout
    "41ba08000000"  #     mov  r10d, 8
    "b880000000"  #       mov  eax, 128                rt_sigtimedwait
    "0f05"  #             syscall
    "85c0"  #             test eax, eax
    "78e4"  #             js   wait                    interrupted
    "83f811"  #           cmp  eax, 17                 SIGCHLD?
    "751d"  #             jne  leave
    # reap:
    "83cfff"  #           or   edi, -1
    "4863ff"  #           movsxd rdi, edi              any child
    "31f6"  #             xor  esi, esi                no status
    "ba01000000"  #       mov  edx, 1                  WNOHANG
    "4531d2"  #           xor  r10d, r10d              no usage
    "b83d000000"  #       mov  eax, 61                 wait4
    "0f05"  #             syscall
    "85c0"  #             test eax, eax
    "7fe5"  #             jg   reap                    one was reaped: another?
    "ebc2"  #             jmp  wait
    # leave:
    "31ff"  #             xor  edi, edi
    "b83c000000"  #       mov  eax, 60                 exit
    "0f05"  #             syscall
    "90"  #               (pad to 8)
) + struct.pack("<Q", _SIGNALS)

_MACHINES = {"x86_64": (62, _X86_64), "amd64": (62, _X86_64)}


def elf(machine: str) -> bytes:
    """The executable for `machine` (platform.machine()).

    Raises:
        KeyError: there is no code for that processor.
    """
    number, code = _MACHINES[machine.lower()]
    size = _HEADERS + len(code)
    identity = b"\x7fELF" + bytes([2, 1, 1, 0]) + bytes(8)
    header = identity + struct.pack(
        "<HHIQQQIHHHHHH", 2, number, 1, BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, BASE, BASE, size, size, 0x1000)
    return header + segment + code


def image_tar(machine: str) -> bytes:
    """A root file system with nothing but /pause, as a tar archive (the same bytes every time)."""
    program = elf(machine)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo("pause")
        entry.size = len(program)
        entry.mode = 0o755
        tar.addfile(entry, io.BytesIO(program))
    return out.getvalue()
