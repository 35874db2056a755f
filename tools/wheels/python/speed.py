"""Times one thing that a package is for: prints the best of some rounds, in seconds."""

import sys
import time


def best(function, rounds):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def orjson_loads():
    import orjson

    row = b'{"id":%d,"name":"item %d","price":%d.25,"tags":["a","bc","def"],"ok":true,"none":null}'
    text = b"[" + b",".join(row % (i, i, i % 1000) for i in range(11_500)) + b"]"
    assert 950_000 < len(text) < 1_150_000, len(text)
    return best(lambda: orjson.loads(text), 10)


def lxml_parse():
    from lxml import etree

    rows = "".join(f'<item id="i{i}"><name>item {i}</name><price>{i}</price></item>\n' for i in range(85_000))
    with open("speed.xml", "w") as file:
        file.write(f"<items>{rows}</items>")
    return best(lambda: etree.parse("speed.xml"), 5)


def pillow_resize():
    from PIL import Image

    image = Image.linear_gradient("L").resize((2000, 1500)).convert("RGB")
    return best(lambda: image.resize((1200, 900), Image.Resampling.LANCZOS), 5)


print({"orjson": orjson_loads, "lxml": lxml_parse, "pillow": pillow_resize}[sys.argv[1]]())
