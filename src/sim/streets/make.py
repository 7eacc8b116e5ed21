#!/usr/bin/env python3
"""Makes `andorra.txt.gz`, the demo's street network, out of an OpenStreetMap extract (`.osm.pbf`).

    python3 src/sim/streets/make.py andorra.osm.pbf src/sim/streets/andorra.txt.gz

Standard library only; the same extract gives the same bytes. See README.md beside it for the format.
"""
import gzip
import math
import re
import struct
import sys
import zlib

# highway=... -> (class on the map, km/h when the way has no maxspeed)
KINDS = {
    "motorway": ("major", 90), "motorway_link": ("major", 50), "trunk": ("major", 70), "trunk_link": ("major", 40),
    "primary": ("major", 60), "primary_link": ("major", 40), "secondary": ("major", 50), "secondary_link": ("major", 35),
    "tertiary": ("minor", 40), "tertiary_link": ("minor", 30), "unclassified": ("minor", 35), "residential": ("minor", 28),
    "living_street": ("minor", 15), "road": ("minor", 30), "service": ("service", 15),
}
TOWNS = {"city": 8, "town": 5, "village": 2, "suburb": 2, "hamlet": 1}
CLASS = {"major": 0, "minor": 1, "service": 2}
TOLERANCE_M = 3.0


def varint(buf, at):
    shift = value = 0
    while True:
        byte = buf[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def fields(buf):
    """(field number, value) of one protobuf message; groups and 32-bit fields do not occur in OSM files."""
    at = 0
    while at < len(buf):
        key, at = varint(buf, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(buf, at)
        elif kind == 2:
            size, at = varint(buf, at)
            value, at = buf[at:at + size], at + size
        elif kind == 1:
            value, at = buf[at:at + 8], at + 8
        else:
            raise ValueError(f"wire type {kind}")
        yield key >> 3, value


def packed(buf, signed=False):
    at, out = 0, []
    while at < len(buf):
        value, at = varint(buf, at)
        out.append((value >> 1) ^ -(value & 1) if signed else value)
    return out


def running(values):
    total, out = 0, []
    for value in values:
        total += value
        out.append(total)
    return out


def blocks(path):
    with open(path, "rb") as file:
        while head := file.read(4):
            header = dict(fields(file.read(struct.unpack(">I", head)[0])))
            blob = dict(fields(file.read(header[3])))
            if header[1] == b"OSMData":
                yield zlib.decompress(blob[3]) if 3 in blob else blob[1]


def read(path):
    """-> ({node: (lat, lon)}, {node: tags}, [(tags, nodes)])"""
    places, tagged, ways = {}, {}, []
    for block in blocks(path):
        strings, groups, step, lat0, lon0 = [], [], 100, 0, 0
        for number, value in fields(block):
            if number == 1:
                strings = [s.decode() for _, s in fields(value)]
            elif number == 2:
                groups.append(value)
            elif number == 17:
                step = value
            elif number == 19:
                lat0 = value
            elif number == 20:
                lon0 = value
        where = lambda lat, lon: ((lat0 + step * lat) * 1e-9, (lon0 + step * lon) * 1e-9)
        for group in groups:
            for number, value in fields(group):
                if number == 2:
                    dense = dict(fields(value))
                    ids = running(packed(dense[1], True))
                    lats, lons = running(packed(dense[8], True)), running(packed(dense[9], True))
                    for node, lat, lon in zip(ids, lats, lons):
                        places[node] = where(lat, lon)
                    tags, node = packed(dense.get(10, b"")), 0
                    at = 0
                    while at < len(tags):
                        if tags[at] == 0:
                            node, at = node + 1, at + 1
                        else:
                            tagged.setdefault(ids[node], {})[strings[tags[at]]] = strings[tags[at + 1]]
                            at += 2
                elif number == 3:
                    way = dict(fields(value))
                    keys, values = packed(way.get(2, b"")), packed(way.get(3, b""))
                    tags = {strings[k]: strings[v] for k, v in zip(keys, values)}
                    ways.append((tags, running(packed(way.get(8, b""), True))))
    return places, tagged, ways


def driveable(tags):
    kind = tags.get("highway")
    if kind not in KINDS or tags.get("area") == "yes":
        return None
    if "no" in (tags.get("access"), tags.get("motor_vehicle"), tags.get("vehicle")) or tags.get("access") == "private":
        return None
    if tags.get("service") in ("parking_aisle", "drive-through", "emergency_access"):
        return None
    kind, speed = KINDS[kind]
    limit = re.fullmatch(r"(\d+)( km/h)?", tags.get("maxspeed", ""))
    if limit:
        speed = max(10, min(100, round(int(limit[1]) * 0.85)))
    oneway = tags.get("oneway", "yes" if tags.get("junction") == "roundabout" or tags["highway"] == "motorway" else "no")
    direction = {"yes": 1, "true": 1, "1": 1, "-1": -1, "reverse": -1}.get(oneway, 0)
    return CLASS[kind], speed, direction


def off_line(p, a, b):
    """Distance in metres of p from the stretch a to b, on a plane."""
    scale = math.cos(math.radians(a[0])) * 111_195
    x, y = (p[1] - a[1]) * scale, (p[0] - a[0]) * 111_195
    dx, dy = (b[1] - a[1]) * scale, (b[0] - a[0]) * 111_195
    length = dx * dx + dy * dy
    t = 0 if length == 0 else max(0, min(1, (x * dx + y * dy) / length))
    return math.hypot(x - t * dx, y - t * dy)


def thin(nodes, places, keep):
    """Douglas-Peucker between the nodes that must stay."""
    out, start = [nodes[0]], 0

    def between(a, b):
        worst, at = 0, None
        for i in range(a + 1, b):
            off = off_line(places[nodes[i]], places[nodes[a]], places[nodes[b]])
            if off > worst:
                worst, at = off, i
        if at is not None and (worst > TOLERANCE_M or nodes[a] == nodes[b]):
            between(a, at)
            out.append(nodes[at])
            between(at, b)

    for i in range(1, len(nodes)):
        if i == len(nodes) - 1 or nodes[i] in keep:
            between(start, i)
            out.append(nodes[i])
            start = i
    return out


def component(streets):
    """The largest set of nodes that all reach each other (Kosaraju, without recursion)."""
    ahead, back = {}, {}
    for (_, _, direction), _, nodes in streets:
        for a, b in zip(nodes, nodes[1:]):
            for x, y in ((a, b), (b, a)) if direction == 0 else ((a, b),):
                ahead.setdefault(x, []).append(y)
                back.setdefault(y, []).append(x)
    order, seen = [], set()
    for root in sorted(set(ahead) | set(back)):
        stack = [(root, iter(ahead.get(root, [])))] if root not in seen else []
        seen.add(root)
        while stack:
            node, rest = stack[-1]
            following = next((n for n in rest if n not in seen), None)
            if following is None:
                order.append(stack.pop()[0])
            else:
                seen.add(following)
                stack.append((following, iter(ahead.get(following, []))))
    best, seen = set(), set()
    for root in reversed(order):
        if root in seen:
            continue
        group, stack = set(), [root]
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                group.add(node)
                stack.extend(back.get(node, []))
        best = max(best, group, key=len)
    return best


def main(source, target):
    places, tagged, ways = read(source)
    streets = []
    for tags, nodes in ways:
        kind = driveable(tags)
        nodes = [n for i, n in enumerate(nodes) if n in places and (i == 0 or n != nodes[i - 1])]
        if kind and len(nodes) > 1:
            direction = kind[2]
            streets.append(((kind[0], kind[1], abs(direction)), tags.get("name", ""), nodes[::-1] if direction < 0 else nodes))
    inside = component(streets)
    cut = []
    for kind, name, nodes in streets:
        run = []
        for node in nodes + [None]:
            if node in inside:
                run.append(node)
            else:
                if len(run) > 1:
                    cut.append((kind, name, run))
                run = []
    uses = {}
    for _, _, nodes in cut:
        for i, node in enumerate(nodes):
            uses[node] = uses.get(node, 0) + (2 if i in (0, len(nodes) - 1) else 1)
    junctions = {node for node, count in uses.items() if count > 1}
    cut = [(kind, name, thin(nodes, places, junctions)) for kind, name, nodes in cut]
    numbers = {}
    for _, _, nodes in cut:
        for node in nodes:
            numbers.setdefault(node, len(numbers))
    lines = ["streets 1 © OpenStreetMap contributors, ODbL 1.0"]
    for node, tags in sorted(tagged.items()):
        if tags.get("place") in TOWNS and "name" in tags:
            lat, lon = places[node]
            lines.append(f"town {TOWNS[tags['place']]} {round(lat * 1e6)} {round(lon * 1e6)} {tags['name']}")
    at = (0, 0)
    for node in numbers:
        here = tuple(round(v * 1e6) for v in places[node])
        lines.append(f"{here[0] - at[0]} {here[1] - at[1]}")
        at = here
    for (kind, speed, oneway), name, nodes in cut:
        ids = [numbers[n] for n in nodes]
        steps = [ids[0]] + [b - a for a, b in zip(ids, ids[1:])]
        lines.append(f"way {kind} {speed} {oneway} {' '.join(map(str, steps))}|{name}")
    text = ("\n".join(lines) + "\n").encode()
    with open(target, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(text)
    print(f"{len(numbers)} nodes, {len(cut)} ways, {len(text)} bytes of text")


main(*sys.argv[1:])
