"""The vsock of every VM."""

from charioteer.testing.vsock import VHostDeviceVsock, VsockPair

__all__ = [
    "VHostDeviceVsock",
    "VsockPair",
]
