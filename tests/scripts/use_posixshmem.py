"""CPython's `_posixshmem`: shared memory by name."""
import os

import _posixshmem
from report import document, from_extension, transcript

from_extension(_posixshmem)
document(_posixshmem.shm_open, _posixshmem.shm_unlink)
NAME = f"/rustclad-test-{os.getpid()}"
CREATE = os.O_CREAT | os.O_EXCL | os.O_RDWR
file = _posixshmem.shm_open(NAME, CREATE, mode=0o600)
os.ftruncate(file, 4096)
os.write(file, b"shared")
again = _posixshmem.shm_open(path=NAME, flags=os.O_RDONLY)
print(os.read(again, 6), os.fstat(again).st_size, oct(os.fstat(again).st_mode))
os.close(again)
os.close(file)
try:
    _posixshmem.shm_open(NAME, CREATE)
except FileExistsError as error:
    print(type(error).__name__, error.errno, error.strerror, error.filename == NAME)
_posixshmem.shm_unlink(NAME)
try:
    _posixshmem.shm_unlink(NAME)
except FileNotFoundError as error:
    print(type(error).__name__, error.errno, error.strerror, error.filename == NAME)
transcript(globals(), """
    _posixshmem.shm_open("/rustclad-no-such-name", os.O_RDONLY)
    _posixshmem.shm_unlink("/rustclad-no-such-name")
    _posixshmem.shm_open("/a\\0b", 0)
    _posixshmem.shm_unlink("/a\\0b")
    _posixshmem.shm_open()
    _posixshmem.shm_open("/a")
    _posixshmem.shm_open("/a", "b")
    _posixshmem.shm_open("/a", 1 << 40)
    _posixshmem.shm_open("/a", 0, 0, 0)
    _posixshmem.shm_open("/a", 0, mod=0)
    _posixshmem.shm_open("/a", 0, path="/a")
    _posixshmem.shm_open(b"/a", 0)
    _posixshmem.shm_open(None, 0)
    _posixshmem.shm_unlink(3)
    _posixshmem.shm_unlink()
    _posixshmem.shm_unlink(path="/a")
    _posixshmem.shm_unlink("/\\udc80")
""")
