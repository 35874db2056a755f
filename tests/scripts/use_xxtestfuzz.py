"""CPython's `_xxtestfuzz`: one function that calls a good part of the C API on raw bytes."""
import random

import _xxtestfuzz
from report import document, from_extension, transcript

from_extension(_xxtestfuzz)
document(_xxtestfuzz.run)
transcript(globals(), """
    _xxtestfuzz.run(b"")
    _xxtestfuzz.run(b"1.5")
    _xxtestfuzz.run(b"nan")
    _xxtestfuzz.run(b"12345678901234567890")
    _xxtestfuzz.run(b" 7 ")
    _xxtestfuzz.run(b"{}")
    _xxtestfuzz.run(b'{"a": [1, 2.5, null, true, "text"]}')
    _xxtestfuzz.run(b"[[1, 2], [3]]")
    _xxtestfuzz.run(b"a,b,c" + bytes([13, 10]) + b"1,2,3")
    _xxtestfuzz.run(b"x" * 3000)
    _xxtestfuzz.run(bytes(range(256)))
    _xxtestfuzz.run(bytearray(b"abc"))
    _xxtestfuzz.run("text")
    _xxtestfuzz.run()
    _xxtestfuzz.run(b"", b"")
    _xxtestfuzz.run(b"", a=1)
""")
# Some bytes above 127 make CPython's own fuzzers abort, so these stay below.
chance = random.Random(314)
print({_xxtestfuzz.run(bytes(chance.choices(range(32, 127), k=chance.randrange(200)))) for _ in range(200)})
