"""shapely: shapes, how they lie to each other, what can be made of them, trees and formats."""

import json
import pickle

import numpy as np
import shapely
from shapely import (
    GeometryCollection,
    LinearRing,
    LineString,
    MultiLineString,
    MultiPoint,
    MultiPolygon,
    Point,
    Polygon,
    STRtree,
    affinity,
    geometry,
    ops,
    prepared,
    validation,
    wkb,
    wkt,
)

lake = Polygon([(0, 0), (10, 0), (10, 8), (0, 8)], [[(2, 2), (4, 2), (4, 4), (2, 4)]])
road = LineString([(-2, 1), (5, 5), (12, 1)])
towns = MultiPoint([(1, 1), (3, 3), (9, 7), (20, 20)])
print(lake, lake.area, round(lake.length, 6), lake.bounds, lake.centroid.wkt[:30], lake.is_valid, lake.exterior.is_ccw, len(lake.interiors), lake.geom_type, list(lake.exterior.coords)[:2])
print(road.length.__round__(6), road.is_simple, road.interpolate(3).wkt[:40], road.project(Point(5, 0)).__round__(6), list(road.coords), road.coords.xy[0], [it.wkt for it in towns.geoms], Point(1, 2, 3).z, shapely.has_z(Point(1, 2, 3)))
for name in ("intersects", "crosses", "touches", "contains", "covers", "within", "overlaps", "disjoint", "equals"):
    print(name, getattr(lake, name)(road), getattr(shapely, name)(lake, towns.geoms[0]), [bool(getattr(it, name)(lake)) for it in towns.geoms])
print(lake.relate(road), lake.relate_pattern(road, "1********"), lake.distance(Point(13, 12)), lake.hausdorff_distance(road).__round__(6), shapely.shortest_line(lake, Point(13, 12)), lake.dwithin(Point(11, 0), 1))

other = affinity.translate(affinity.rotate(affinity.scale(lake, 0.5, 0.5), 45, origin="center"), 4, 2)
for name in ("intersection", "union", "difference", "symmetric_difference"):
    made = getattr(lake, name)(other)
    print(name, made.geom_type, round(made.area, 6), shapely.get_num_coordinates(made), made.normalize().is_valid)
print((lake & road).wkt[:60], round((lake | other).area, 6), round((lake - other).area, 6), round((lake ^ other).area, 6), lake == shapely.from_wkt(lake.wkt), hash(lake) == hash(wkt.loads(lake.wkt)))
for options in ({}, {"cap_style": "flat"}, {"join_style": "mitre"}, {"single_sided": True}, {"quad_segs": 2}):
    made = road.buffer(1.5, **options)
    print("buffer", options, round(made.area, 6), len(made.exterior.coords))
print(towns.convex_hull, shapely.concave_hull(towns, 0.5).geom_type, lake.envelope, lake.minimum_rotated_rectangle.area.__round__(6), lake.representative_point(), road.simplify(5), shapely.segmentize(LineString([(0, 0), (3, 0)]), 1), shapely.set_precision(Point(1.234, 5.678), 0.1), lake.buffer(-3), road.parallel_offset(1).geom_type, shapely.minimum_bounding_radius(lake).__round__(6), shapely.reverse(road))
print(ops.unary_union([Point(i, 0).buffer(0.75) for i in range(4)]).area.__round__(6), ops.linemerge([[(0, 0), (1, 1)], [(1, 1), (2, 0)]]), [round(it.area, 6) for it in ops.polygonize([[(0, 0), (1, 1)], [(1, 1), (1, 0)], [(1, 0), (0, 0)]])], [it.wkt for it in ops.split(LineString([(0, 0), (4, 0)]), Point(1, 0)).geoms], shapely.transform(road, lambda it: it[:, ::-1]), [it.wkt for it in ops.nearest_points(lake, Point(11, 5))], len(ops.triangulate(towns)), ops.snap(Point(0.1, 0), lake, 0.5), shapely.voronoi_polygons(towns).geom_type)

grid = shapely.points(*np.meshgrid(np.arange(5.0), np.arange(5.0)))
print(grid.shape, grid.dtype, shapely.contains(lake, grid).sum(), shapely.contains_xy(lake, [1, 3], [1, 3]), shapely.get_coordinates(grid)[-1], shapely.area([lake, None, Point(0, 0)]), shapely.box(0, 0, [1, 2], 3), shapely.distance(grid[0], Point(0, 4)).round(4), shapely.get_type_id([lake, road, None]), shapely.linestrings([[0, 0], [1, 1], [2, 2], [3, 3]], indices=[0, 0, 1, 1]), shapely.union_all(shapely.box(0, 0, [1, 2], 1)).area, shapely.is_geometry(["a", lake]), shapely.to_ragged_array([road, LineString([(0, 0), (1, 1)])])[2])
tree = STRtree(grid.ravel())
print(tree.query(Point(2, 2).buffer(1)), tree.query([lake, road], predicate="intersects").shape, tree.nearest(Point(3.2, 1.1)), tree.query_nearest(Point(2.5, 0), return_distance=True), len(tree), tree.geometries[7], tree.query(Point(0, 0), "dwithin", distance=1))
fast = prepared.prep(lake)
print([fast.contains(it) for it in towns.geoms], shapely.is_prepared(lake), fast.context is lake)

data = wkb.dumps(lake)
print(len(data), data[:5], wkb.loads(data).equals(lake), wkb.dumps(Point(1, 2), hex=True, srid=4326), shapely.get_srid(wkb.loads(wkb.dumps(Point(1, 2), srid=4326))), lake.wkb_hex[:20], wkt.dumps(Point(1 / 3, 2), rounding_precision=3), Point(1, 2).svg()[:30], shapely.to_wkb(np.array([Point(1, 2), None])), shapely.from_wkb(shapely.to_wkb(grid[0, :2])))
print(json.dumps(geometry.mapping(road)), geometry.shape({"type": "Point", "coordinates": [1, 2]}), shapely.to_geojson(Point(1, 2)), shapely.from_geojson('{"type": "LineString", "coordinates": [[0, 0], [1, 1]]}'), pickle.loads(pickle.dumps(lake)) == lake, pickle.loads(pickle.dumps(tree)).query(Point(1, 1)), np.asarray(road.coords).tolist(), repr(MultiPolygon([lake]))[:40])
bow = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
print(bow.is_valid, validation.explain_validity(bow), shapely.make_valid(bow), GeometryCollection([Point(0, 0), road]).geoms[1].length.__round__(4), MultiLineString([road]).is_closed, LinearRing([(0, 0), (1, 0), (1, 1)]).is_ring, Point().is_empty, bool(Point()), shapely.transform(Point(1, 2), lambda it: it * 10), Polygon().wkt, lake.equals_exact(lake.buffer(0), 1e-9), f"{Point(1.23456, 2):.2f}")
for action in (
    lambda: wkt.loads("POINT (1"),
    lambda: wkb.loads(b"\x01\x02"),
    lambda: Polygon([(0, 0), (1, 1)]),
    lambda: LineString([(0, 0)]),
    lambda: setattr(lake, "anything", 1),
    lambda: setattr(Point(1, 2), "x", 3),
    lambda: Point(1, 2, 3, 4),
    lambda: lake.intersects("text"),
    lambda: Point().x,
    lambda: bow.intersection(lake),
    lambda: shapely.points([[1, 2], [3]]),
    lambda: shapely.from_wkt(["POINT (1 1)", 5]),
    lambda: STRtree([1]),
    lambda: lake.relate_pattern(road, "x"),
    lambda: geometry.shape({"type": "Nope", "coordinates": []}),
    lambda: lake.buffer(1, cap_style="odd"),
    lambda: lake < road,
    lambda: shapely.box(1),
):
    try:
        print("no error:", action())
    except Exception as error:
        print(type(error).__name__, str(error).splitlines()[0].split(", must")[0][:90])
