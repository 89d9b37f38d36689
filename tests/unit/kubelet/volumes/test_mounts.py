"""Reading of mount points from mountinfo."""

from __future__ import annotations

from dromon.kubelet.volumes.mounts import points_below

MOUNTINFO = r"""22 1 0:21 / / rw - ext4 /dev/vda rw
30 22 0:40 / /data/pods/u/volumes/a\040b rw - tmpfs tmpfs rw
31 22 0:41 / /data/pods/u/volumes/a\040b/deeper rw - tmpfs tmpfs rw
32 22 0:42 / /data/pods/u2 rw - tmpfs tmpfs rw
"""


def test_points_below_a_path_deepest_first() -> None:
    assert points_below(MOUNTINFO, "/data/pods/u") == [
        "/data/pods/u/volumes/a b/deeper",
        "/data/pods/u/volumes/a b",
    ]
    assert points_below(MOUNTINFO, "/data/pods/u2") == ["/data/pods/u2"]
    assert points_below(MOUNTINFO, "/data/pods/u3") == []
