"""The vsocks of the VMs."""

from charioteer.testing.vsock import VHostDeviceVsock, VsockPair

__all__ = [
    "VHostDeviceVsock",
    "VsockPair",
]
