"""Lines of a script that hold Python's interpreter lock for ever, without using the processor."""

PREPARE = """
import ctypes
# Locking a mutex of threads twice waits for ever, and no signal ends that. Calls of a PyDLL keep the
# interpreter lock.
lock = ctypes.PyDLL(None).pthread_mutex_lock
mutex = ctypes.create_string_buffer(256)
lock(mutex)
"""
HOLD = "lock(mutex)"
