"""The wheel `markupsafe`: its C function, and its string class on top."""
import pickle

import markupsafe
from markupsafe import Markup, _speedups, escape, escape_silent, soft_str
from report import document, from_extension, transcript

from_extension(_speedups)
assert markupsafe._escape_inner is _speedups._escape_inner
document(_speedups._escape_inner)
inner = _speedups._escape_inner


class Html:
    def __html__(self):
        return "<em>own</em>"


class Text:
    def __str__(self):
        return "a < b"


class Derived(str):
    pass


transcript(globals(), """
    inner("")
    inner("plain")
    inner("<a href=\\"x\\">it's & so on</a>")
    inner("<" * 50) == "&lt;" * 50
    inner("caf\u00e9 <\u00fc>")
    inner("\u20ac < \u4e2d\u6587")
    inner("\U0001f600 & \U0001f601>")
    inner("&" + "\u00e9" * 100 + "\\"")[-10:]
    inner("nul \\0 <")
    inner(Derived("<derived>"))
    type(inner(Derived("plain")))
    inner(b"<bytes>")
    inner(5)
    inner(None)
    inner()
    inner("a", "b")
    inner(s="a")
    escape("<b>"), type(escape("<b>"))
    escape(Html()), escape(Text()), escape(5), escape(None), escape(Derived("<d>"))
    escape(Markup("<b>"))
    escape_silent(None), escape_silent("<")
    soft_str(Markup("<x>")), soft_str(5)
    Markup("<em>%s</em>") % "<x>"
    Markup("%(a)s %(b)d") % {"a": "&", "b": 5}
    Markup("%s and %r") % ("<", ">")
    Markup("{} {0!r} {name:>5}").format("<") if 0 else Markup("{0} {name:>5}").format("<", name="&")
    Markup("<a>") + "<b>"
    "<b>" + Markup("<a>")
    Markup("<") * 3
    Markup(", ").join(["<a>", Markup("<b>"), 5])
    Markup("&lt;a&gt; &copy; &#x41;").unescape()
    Markup("<p>a <!-- c --> <b>b</b></p>").striptags()
    Markup.escape("<x>")
    Markup("a<b").split("<"), Markup("abc")[1], Markup("x").upper(), Markup("a|b").partition("|")
    Markup(Html()), Markup(b"<a>", "ascii")
    Markup("<a>") == "<a>", hash(Markup("q")) == hash("q"), repr(Markup("<r>"))
    pickle.loads(pickle.dumps(Markup("<p>")))
    Markup("%d") % "x"
""")
