"""sqlalchemy: its compiled modules, and tables and expressions as SQL of several databases."""

import copy
import decimal
import pickle

import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql, sqlite
from sqlalchemy.engine import _processors_cy, _result_cy, _row_cy, _util_cy
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql import _cache_key_cy, _util_cy as sql_util
from sqlalchemy.util import _collections_cy, _immutabledict_cy

modules = (_processors_cy, _result_cy, _row_cy, _util_cy, _cache_key_cy, sql_util, _collections_cy, _immutabledict_cy)
print({it.__name__: it._is_compiled() for it in modules})

ordered = _collections_cy.OrderedSet([3, 1, 3, 2])
ordered.update([9, 1], {7})
ordered.insert(0, 5)
ordered |= [4]
print(ordered, ordered[2], len(ordered), 9 in ordered, ordered & {1, 9}, ordered - [3], ordered ^ {3, 100}, ordered | {0}, ordered + [5, 6], ordered.pop(), ordered.copy() == ordered, list(_collections_cy.OrderedSet[int]("abca")), _collections_cy.unique_list([2, 1, 2]))
one, same, two = [1], [1], [2]
identity = _collections_cy.IdentitySet([one, same, one])
print(len(identity), one in identity, [1] in identity, identity.union([two]) > identity, len(identity.intersection([one, two])), identity.difference([one]) == _collections_cy.IdentitySet([same]), identity.issuperset([same]), copy.copy(identity) == identity, len(identity.symmetric_difference([two, one])))
frozen = _immutabledict_cy.immutabledict({"a": 1})
print(frozen, frozen.union({"b": 2}), frozen.merge_with(None, {"c": 3}), frozen | {"a": 2}, {"z": 0} | frozen, type({"z": 0} | frozen).__name__, isinstance(frozen, dict), pickle.loads(pickle.dumps(frozen)) == frozen, frozen.union() is frozen)
to_decimal = _processors_cy.to_decimal_processor_factory(decimal.Decimal, 3)
print(_processors_cy.int_to_boolean(5), _processors_cy.int_to_boolean(None), _processors_cy.to_str(5), _processors_cy.to_float("2.5"), _processors_cy.str_to_datetime("2024-02-29 12:30:00"), _processors_cy.str_to_date("2024-02-29"), _processors_cy.str_to_time("12:30:01"), to_decimal(1.23456), to_decimal(None))
print(_util_cy._distill_params_20({"a": 1}), _util_cy._distill_params_20([{"a": 1}, {"a": 2}]), _util_cy._distill_raw_params((1, 2)), _util_cy.tuplegetter(0, 2)("abc"), _util_cy.tuplegetter(1)("abc"), _util_cy.tuplegetter(1, 2)([1, 2, 3]))
names = sql_util.prefix_anon_map()
print(names["1 x"], names["2 x"], names["1 x"], names["3 y"], sql_util.anon_map().get_anon(one)[1], dict(names))

keys = SimpleResultMetaData(["id", "name", "age"])
rows = [(1, "Ann", 31), (2, "Bob", 25), (3, "Cid", 25), (2, "Bob", 25)]
row = _row_cy.BaseRow(keys, [None, str.upper, None], keys._key_to_index, ("1", "ann", 5))
print(list(row), len(row), row[1], row.name, row[-1], hash(row) == hash(("1", "ANN", 5)), row._get_by_key_impl_mapping("age"), list(pickle.loads(pickle.dumps(row))), row._to_tuple_instance(), "ANN" in row)
result = IteratorResult(keys, iter(rows))
first = result.fetchone()
print(first, type(first).__name__, first.name, first._mapping["age"], first._asdict(), first == (1, "Ann", 31), first < (2,), isinstance(first, _row_cy.BaseRow), result.fetchmany(2), result.all(), result.closed)
print(IteratorResult(keys, iter(rows)).unique().all(), IteratorResult(keys, iter(rows)).scalars("name").all(), IteratorResult(keys, iter(rows)).columns("age", "id").mappings().first(), list(IteratorResult(keys, iter(rows)).partitions(3)), IteratorResult(keys, iter(rows)).scalars("age").unique(lambda it: it[0] % 2).all(), IteratorResult(keys, iter(rows[:1])).one(), IteratorResult(keys, iter([(5,)])).scalar())

meta = sa.MetaData()
users = sa.Table("users", meta, sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(30), nullable=False, unique=True), sa.Column("born", sa.Date, index=True), sa.Column("balance", sa.Numeric(10, 2), server_default="0"))
orders = sa.Table("orders", meta, sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True), sa.Column("user", sa.ForeignKey("users.id", ondelete="CASCADE")), sa.Column("data", sa.JSON), sa.CheckConstraint("id > 0", name="positive"))
for dialect in (sqlite, postgresql, mysql, mssql, oracle):
    it = dialect.dialect()
    print(it.name, " ".join(str(CreateTable(users).compile(dialect=it)).split()), " ".join(str(CreateTable(orders).compile(dialect=it)).split()))
    query = sa.select(users.c.name, sa.func.count().label("n")).join(orders, isouter=True).where(users.c.name.ilike("a%")).group_by(users.c.name).having(sa.func.count() > 2).order_by(sa.func.count().desc()).limit(5).offset(10)
    print("  ", " ".join(str(query.compile(dialect=it)).split()))
print(CreateIndex(next(iter(users.indexes))), [it.name for it in meta.sorted_tables], orders.c.user.references(users.c.id), users.c.keys(), sa.inspect(users) is users)
recent = sa.select(orders.c.user, sa.func.row_number().over(partition_by=orders.c.user, order_by=orders.c.id.desc()).label("nr")).cte("recent")
for made in (
    sa.select(users).where(sa.or_(sa.tuple_(users.c.id, users.c.name) > (1, "a"), users.c.id.in_([1, 2]), ~users.c.name.contains("x"), users.c.born.between(None, sa.bindparam("end")))),
    sa.select(recent.c.nr, sa.case((recent.c.nr == 1, "first"), else_="other")).where(sa.exists().where(users.c.id == recent.c.user)),
    sa.union_all(sa.select(users.c.id), sa.select(orders.c.id)).order_by("id"),
    sa.insert(users).values([{"name": "a"}, {"name": "b"}]),
    sa.update(users).values(balance=users.c.balance * 2 + 1).where(users.c.id == sa.select(sa.func.max(orders.c.user)).scalar_subquery()),
    sa.delete(orders).where(orders.c.data["key"].as_string() == "v"),
    sa.select(sa.cast("5", sa.Integer), sa.literal(2.5), sa.null(), sa.true(), sa.extract("year", users.c.born), sa.type_coerce(users.c.name, sa.Integer) + 1, users.alias("u").c.id, sa.text(":p").bindparams(p=3)),
    postgresql.insert(users).values(id=1).on_conflict_do_update(index_elements=["id"], set_={"name": "z"}).returning(users.c.id),
):
    compiled = made.compile(dialect=postgresql.dialect())
    key = made._generate_cache_key()
    print(" ".join(str(compiled).split()), compiled.params, key is not None and key == made._generate_cache_key(), key and [it.value for it in key.bindparams][:3])
print(sa.select(users.c.id).where(users.c.name == "it's", users.c.id > 5).compile(compile_kwargs={"literal_binds": True}), sa.make_url("postgresql+psycopg://me:secret@host:5432/db?x=1"), repr(users.c.name.type), pickle.loads(pickle.dumps(meta)).tables.keys())
for action in (
    lambda: frozen.update(b=1),
    lambda: frozen.__setitem__("a", 1),
    lambda: hash(identity),
    lambda: row.nothing,
    lambda: setattr(row, "name", 1),
    lambda: row[9],
    lambda: _util_cy._distill_params_20(5),
    lambda: _processors_cy.str_to_date("someday"),
    lambda: _processors_cy.str_to_date(5),
    lambda: ordered.remove(1000),
    lambda: ordered + 5,
    lambda: IteratorResult(keys, iter(rows)).one(),
    lambda: IteratorResult(keys, iter([])).scalar_one(),
    lambda: result.fetchone(),
    lambda: names["bad"],
    lambda: sa.select(users.c.nothing),
    lambda: str(sa.select(users.c.id).join(sa.table("other"))),
    lambda: sa.Table("users", meta, sa.Column("id")),
    lambda: bool(users.c.id == 5 and orders.c.id),
    lambda: sa.Column("a", sa.ForeignKey("none.id"), primary_key="x").references(users.c.id),
):
    try:
        print("no error:", action())
    except Exception as error:
        print(type(error).__name__, str(error).splitlines()[0].split(" at 0x")[0][:90])
