"""numpy: arrays of every kind, arithmetic, linear algebra, transforms, random numbers, files and errors."""

import io
import operator
import pickle

import numpy as np

cities = {"Oslo": (-4, -3, 0, 5), "Rome": (8, 9, 12, 15), "Cairo": (14, 16, 18, 22)}
table = np.array(list(cities.values()), dtype=float)
print(table, table.shape, table.dtype, table.strides, table.flags["C_CONTIGUOUS"], table.nbytes)
print(table.mean(axis=0), table.std(axis=1).round(6), table.argmax(axis=1), np.median(table), table.sum(), table.cumsum()[-3:])
print((table - table.mean(axis=1, keepdims=True)).round(3), np.where(table > 10, table, -1)[2], table[table < 0])
print(table[::-1, 1::2], table[[0, 2], [1, 3]], table[..., -1], table.T[1], table[:, None, :2].shape, table.reshape(2, -1)[1])

for name in ("?", "i1", "u2", "<i4", ">i4", "q", "e", "f", "d", "g", "F", "D", "S5", "U3", "M8[D]", "m8[h]", "O"):
    dtype = np.dtype(name)
    print(dtype, dtype.kind, dtype.itemsize, dtype.isnative, np.zeros(2, dtype).tolist())
print(np.arange(5, dtype="u1") - np.uint8(3), np.array([1, 2]) / 2, np.result_type("i4", "f4"), np.promote_types("u8", "i8"), np.can_cast("f8", "i4"))
print(np.array(["2024-02-28", "2024-03-01"], "M8[D]") - np.timedelta64(1, "D"), np.busday_count("2024-01-01", "2024-02-01"))
print(np.array([1.5, np.nan, np.inf, -0.0, 1e-300, 1e20]), np.array([1 + 2j, -1j]).conj(), np.float32(0.1), repr(np.int16(-7)), np.array(["é", "漢字"]))
print(np.strings.upper(np.array(["ab", "c"])), np.array([1, "x", (5,)], object) * 2, np.array(["long string here"], dtype=np.dtypes.StringDType()))

x = np.linspace(0, 2 * np.pi, 9)
print(np.sin(x).round(4), np.hypot(3, [4, 5]).round(4), np.add.reduce([[1, 2], [3, 4]], axis=None), np.multiply.outer([1, 2], [3, 4]).tolist(), np.maximum.accumulate([1, 5, 2, 7]))
print(np.divmod([7, -7], 3), np.left_shift(1, [1, 2, 40]), np.isclose(0.1 + 0.2, 0.3), np.add.at(counts := np.zeros(3, int), [0, 2, 2], 1), counts, np.frompyfunc(lambda a, b: f"{a}/{b}", 2, 1)([1, 2], [[3], [4]]))
print(np.einsum("ij,kj->ik", table, table), np.vectorize(lambda n: n * 2, otypes=[float])([1, 2]), np.broadcast_shapes((3, 1), (4,)), [it.sum() for it in np.broadcast_arrays([1, 2], [[1], [2]])])
print(np.unique([3, 1, 3, 2], return_counts=True), np.sort([3, 1, 2])[::-1], np.argsort(["b", "a"]), np.searchsorted([1, 3, 5], [0, 3, 9]), np.histogram([1, 2, 2, 5], bins=2), np.interp(2.5, [1, 3], [10, 20]))
print(np.concatenate([[1], [2, 3]]), np.stack([[1, 2], [3, 4]], 1).tolist(), np.tile([1, 2], 2), np.roll(range(4), 1), np.pad([1, 2], 1), np.convolve([1, 2, 3], [0, 1, 0.5]), np.polyfit([0, 1, 2], [1, 3, 7], 2).round(6))

square = np.array([[4.0, 1, 2], [1, 3, 0], [2, 0, 5]])
values, vectors = np.linalg.eigh(square)
print(np.linalg.det(square).round(6), values.round(6), np.allclose(vectors * values @ vectors.T, square), np.linalg.solve(square, [1, 2, 3]).round(6), np.linalg.svd(square)[1].round(6), np.linalg.cholesky(square).round(4))
print((square @ np.linalg.inv(square)).round(9).astype(int).tolist(), np.linalg.qr(square)[1].round(4).tolist(), np.linalg.norm(square).round(6), np.linalg.matrix_rank(square[:2]), np.kron([1, 2], [1, 1]))
signal = np.cos(2 * np.pi * 3 * np.arange(32) / 32)
print(np.abs(np.fft.rfft(signal)).round(6), np.allclose(np.fft.ifft(np.fft.fft(signal)), signal), np.fft.fftfreq(4), np.fft.fft2(square).shape)

rng = np.random.default_rng(42)
print(rng.integers(0, 100, 6), rng.normal(size=3).round(6), rng.permutation(5), rng.choice(["a", "b", "c"], 4, p=[0.5, 0.3, 0.2]), rng.poisson(3, 4), rng.bytes(4))
print(np.random.RandomState(7).rand(3).round(6), np.random.Generator(np.random.Philox(1)).random(2).round(6), np.random.Generator(np.random.MT19937(5)).standard_gamma(2, 1).round(6), rng.bit_generator.state["bit_generator"])

people = np.array([("Ann", 31, 1.7), ("Bob", 25, 1.8)], dtype=[("name", "U8"), ("age", "i2"), ("height", "f4")])
people["age"] += 1
print(people, people.dtype.names, people[people["age"] > 30]["name"], people[1]["height"], np.sort(people, order="age")["name"], people.dtype.descr, people[["name", "age"]][0], people.view(np.recarray).age)

view = memoryview(table)
print(view.format, view.shape, view.strides, view[1, 2], np.frombuffer(b"\1\0\2\0", "<u2"), np.asarray(memoryview(bytearray(b"abc"))), bytes(np.array([[1, 2], [3, 4]], "i1").T), len(memoryview(people).format) > 10)
data = bytearray(4)
np.frombuffer(data, "u1")[1:3] = 9
print(data, table.__array_interface__["typestr"], np.shares_memory(table, table[1:]), np.from_dlpack(table).sum(), int(np.array(5)), operator.index(np.int64(3)), range(5)[np.uint8(2)], table.tobytes()[:8], f"{np.float64(2.5):.2f}")
file = io.BytesIO()
np.savez_compressed(file, table=table, people=people)
file.seek(0)
with np.load(file) as saved:
    print(saved.files, np.array_equal(saved["table"], table), saved["people"]["name"], pickle.loads(pickle.dumps(people)).tolist())
print(np.loadtxt(io.StringIO("# x y\n1,2\n3,4"), delimiter=","), np.genfromtxt(["1,,3"], delimiter=","), np.fromstring("1 2 3", sep=" "), np.array2string(np.arange(2000), threshold=5), repr(np.eye(2, dtype=bool)))


class Meters(np.ndarray):
    def __array_finalize__(self, source):
        self.unit = getattr(source, "unit", "m")

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        print("ufunc:", ufunc.__name__, method)
        return getattr(ufunc, method)(*(np.asarray(it) for it in inputs), **options)


length = np.array([1.0, 2.0]).view(Meters)
print(type(length[:1]).__name__, length.unit, length + 1, 2 * length, np.ma.array([1, 2, 3], mask=[0, 1, 0]).mean(), [n for n in np.nditer(square[:1])], list(np.ndindex(1, 2)), list(np.ndenumerate([5])))
with np.errstate(divide="raise"):
    for action in (
        lambda: np.array([1.0]) / 0,
        lambda: np.ones(3) + np.ones(4),
        lambda: table[7],
        lambda: table["name"],
        lambda: np.linalg.inv(np.zeros((2, 2))),
        lambda: np.array([1, 2]).reshape(3),
        lambda: np.dtype("nope"),
        lambda: np.uint8(300),
        lambda: bool(np.array([1, 2])),
        lambda: np.array([[1, 2], [3]]),
        lambda: np.add("a", 1),
        lambda: operator.setitem(np.frombuffer(b"ab", "u1"), 0, 1),
        lambda: np.einsum("ij,j", table, [1]),
    ):
        try:
            print("no error:", action())
        except Exception as error:
            print(type(error).__name__, str(error).splitlines()[0][:90])
big = np.arange(1_000_000).reshape(1000, 1000)
print(big.sum(), (big % 7 == 0).sum(), big[::3, ::-7].mean().round(6), (big.astype(float) @ np.ones(1000))[:3], np.count_nonzero(np.sqrt(big) % 1 == 0))
